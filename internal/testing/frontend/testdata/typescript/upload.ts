// Uploads a file, in parts when it is large, and returns once the service has it: node upload.js http://127.0.0.1:8080 FILE
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { argv, env } from 'node:process'
import createClient from 'openapi-fetch'
import type { components, paths } from './signpost.js'

type Schemas = components['schemas']

const [service = 'http://127.0.0.1:8080', path = 'package.json'] = argv.slice(2)
const signpost = createClient<paths>({ baseUrl: service, headers: { 'x-api-key': env['SIGNPOST_API_KEY'] } })

/** What the service answered; what it refused is thrown in its own words. */
function answered<T>({ data, error }: { data?: T; error?: Schemas['Problem'] }): T {
  if (data === undefined) throw new Error(error ? `${error.code}: ${error.detail}` : 'no answer')
  return data
}

async function send({ method, url, headers }: Schemas['UploadRequest'] | Schemas['SignedPart'], body: Uint8Array<ArrayBuffer>) {
  const response = await fetch(url, { method, headers, body })
  if (!response.ok) throw new Error(`the store answered ${response.status}: ${await response.text()}`)
}

const file = await open(path)
const { size } = await file.stat()
const bytes = async (offset: number, length: number) => (await file.read(new Uint8Array(length), 0, length, offset)).buffer

const created = answered(await signpost.POST('/import', { body: { filename: basename(path), size } }))
if (!('id' in created)) throw new Error('a create with a body got the answer of one without')
const { id, upload, multipart } = created
const params = { path: { id } }

if (upload) await send(upload, await bytes(0, size))
if (multipart) {
  const together = 4 // parts at a time
  for (let first = 1; first <= (multipart.part_count ?? 0); first += together) {
    const { parts } = answered(await signpost.POST('/import/{id}/parts', { params, body: { first, count: together } }))
    await Promise.all(parts.map(async (part) => send(part, await bytes(part.offset, part.size ?? 0))))
  }
  answered(await signpost.POST('/import/{id}/complete', { params }))
}

for (;;) {
  const job = answered(await signpost.GET('/import/{id}', { params: { ...params, query: { wait: 20 } } }))
  if (job.status === 'awaiting_upload' || job.status === 'uploading') continue
  if (job.status !== 'completed') throw new Error(job.error?.detail ?? job.status)
  const id: string = job.id
  console.log(id)
  break
}
await file.close()
