// A page with the component of internal/web/README.md.
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Uploader } from './uploader.jsx'

window.root = createRoot(document.body)
window.root.render(<StrictMode><Uploader /></StrictMode>)
