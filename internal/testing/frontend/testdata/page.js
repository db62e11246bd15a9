// A page as a front-end engineer would write it around snippet.js, and what the tests ask of it.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import { signpost } from './snippet.js'

const asked = new URLSearchParams(location.search)
const key = asked.get('key')
let kept // resolves once Golden Retriever, where there is one, has a copy of the file
const copied = new Promise((resolve) => { kept = resolve })
const hear = (...words) => words.join(' ').includes('] Added 1 blobs') && kept()
const uppy = new Uppy({ logger: { debug: hear, warn: console.warn, error: console.error } })
// One request at a time where a test interrupts, so that there always is a next part. Uppy's own limit is 6.
uppy.use(AwsS3, { ...signpost(uppy, asked.get('service'), key ? { 'x-api-key': key } : {}), limit: Number(asked.get('limit') ?? 6) })
if (asked.has('retrieve')) uppy.use(GoldenRetriever, { indexedDB: { maxFileSize: 100 << 20 } })
else kept()

const sent = []
const next = (event) => new Promise((resolve) => uppy.once(event, (...values) => resolve(values)))
const part = next('s3-multipart:part-uploaded')
const success = next('upload-success')
const complete = next('complete')
const restored = next('restored')
uppy.on('s3-multipart:part-uploaded', (_, { PartNumber }) => sent.push(PartNumber))

Object.assign(window, {
  uppy,
  async begin() { // with the file that was chosen
    const [file] = document.querySelector('#file').files
    uppy.addFile({ name: file.name, type: file.type, data: file, meta: { relativePath: asked.get('path') } }) // null: none
    await copied
    uppy.upload()
  },
  async after(act) { // once the first part is there, calls that of Uppy; gives the import's id
    await part
    const { uploadId } = uppy.getFiles()[0].s3Multipart
    if (act) uppy[act]()
    return uploadId
  },
  async restore() {
    await restored
    uppy.emit('restore-confirmed')
  },
  async finish() {
    const [{ successful, failed }] = await complete
    const event = successful[0] && (await success)[1].uploadURL
    return { url: successful[0]?.uploadURL, event, error: failed[0]?.error, sent }
  },
})
