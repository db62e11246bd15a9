// Uses all of client.d.ts. Each line below @ts-expect-error must fail to compile.
import {
  FileChangedError, NoResponseError, NotCompletedError, ResponseError, upload,
  type ChecksumAlgorithm, type FieldError, type Import, type ImportError, type ImportStatus, type Multipart, type Problem,
  type Progress, type StoredObject, type Upload, type UploadOptions, type UploadRequest, type UploadState,
  type VerifiedChecksum,
} from 'https://imports.example.com/client.js'

const options: UploadOptions = {
  server: new URL('https://imports.example.com'),
  headers: async () => ({ Authorization: 'Bearer token' }),
  signal: new AbortController().signal,
  onProgress: ({ stored, sending, total }: Progress) => show((stored + sending) / total),
  filename: 'a.jpg', relativePath: 'photos/2026/a.jpg', contentType: 'image/jpeg', metadata: { team: 'research' },
  expiresIn: 3600, writeOnce: true, webhookURL: 'https://app.example.com/events', checksum: true, resume: false,
}
export const plain: UploadOptions = { server: 'https://imports.example.com', headers: { 'x-api-key': 'key' } }

export async function send(file: File): Promise<string> {
  const running: Upload = upload(file, options)
  await running.pause()
  running.resume()
  const stop: Promise<void> = running.abort(new Error('the user left'))
  const state: UploadState = running.state
  if (state === 'completing') await stop
  try {
    return describe(await running.done) + running.id
  } catch (error) {
    return explain(error)
  }
}

function describe(job: Import): string {
  const status: ImportStatus = job.status
  const object: StoredObject | undefined = job.object
  const parts: Multipart | undefined = job.multipart
  const checksum: VerifiedChecksum | undefined = job.checksum
  const algorithm: ChecksumAlgorithm | undefined = checksum?.algorithm
  const request: UploadRequest | undefined = job.upload
  const error: ImportError | undefined = job.error
  const dates = [job.created_at, job.completed_at ?? '', job.expires_at ?? ''].map((time) => new Date(time).getTime())
  show((parts?.uploaded_bytes ?? 0) / (job.size ?? 1), parts?.part_count ?? 0, parts?.uploaded_parts ?? 0, ...dates)
  return [
    status, job.id, job.mode === 'form', job.filename?.toUpperCase(), job.relative_path?.split('/'), job.content_type,
    job.metadata?.['team']?.trim(), job.download_url, job.upload_url, object?.bucket, object?.key, object?.etag,
    object?.version_id, object?.deleted === true, parts?.part_size.toFixed(), algorithm, checksum?.verified,
    checksum?.value, checksum?.declared, request?.method, request?.url, request?.headers['content-type'], request?.fields?.['key'],
    error?.code, error?.detail,
  ].join()
}

function explain(error: unknown): string {
  if (error instanceof ResponseError) {
    const { name, message, source, status, code, detail, fieldErrors, requestId, retryAfter } = error
    show(status, retryAfter)
    return [name, message, source === 'store', code, detail, ...fieldErrors.map((e) => e.trim()), requestId].join()
  }
  if (error instanceof NoResponseError) return error.name + error.source
  if (error instanceof NotCompletedError) return error.name + error.detail + (error.status === 'expired')
  return error instanceof FileChangedError ? error.name : String(error)
}

export function list(problem: Problem): string {
  const errors: FieldError[] = problem.errors ?? []
  show(problem.status)
  return [
    problem.type, problem.title, problem.detail, problem.code, problem.instance, problem.request_id,
    ...errors.map((e) => e.detail + (e.pointer ?? e.parameter ?? '')),
  ].join()
}

function show(...numbers: number[]) {
  console.log(numbers)
}

export async function wrong(file: File, job: Import) {
  // @ts-expect-error: the file is required
  upload()
  // @ts-expect-error: a path is no file
  upload('a.jpg')
  // @ts-expect-error: the option is named filename
  upload(file, { fileName: 'a.jpg' })
  // @ts-expect-error: a number of seconds
  upload(file, { expiresIn: '1h' })
  // @ts-expect-error: metadata are strings
  upload(file, { metadata: { page: 1 } })
  // @ts-expect-error: a header needs a value
  upload(file, { headers: { Authorization: undefined } })
  // @ts-expect-error: done is a promise
  upload(file).done.status
  // @ts-expect-error: the library sets the id
  upload(file).id = ''
  // @ts-expect-error: there is no such state
  upload(file).state === 'sending'
  // @ts-expect-error: there is no such status
  job.status === 'done'
  // @ts-expect-error: a single upload has no parts
  job.multipart.part_size
  // @ts-expect-error: time stamps are strings
  job.created_at.getTime()
}
