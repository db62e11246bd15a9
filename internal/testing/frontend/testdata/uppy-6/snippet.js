// uppy.use(AwsS3, signpost(uppy, 'https://imports.example.com', { Authorization: `Bearer ${token}` })), with @uppy/aws-s3 6
export const signpost = (uppy, service, headers = {}) => {
  const api = async (method, path, body) => {
    const response = await fetch(`${service}/import${path}`, { method, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) })
    const answer = await response.text().then((text) => JSON.parse(text || '{}', (name, value) => (name === 'content-length' ? undefined : value))).catch(() => null) // null: a gateway's HTML
    if (!response.ok || !answer) throw Object.assign(new Error(answer?.detail ?? `unexpected response of ${service}: status ${response.status}`), answer) // API Gateway's own errors have a message
    return response.status === 202 ? api(method, path, body) : answer // 202: the store still assembles the object
  }
  const importURLs = {} // by file ID; Uppy has the store's URL of a single upload
  uppy.on('upload-success', (file, response) => importURLs[file?.id] && uppy.setFileState(file.id, { uploadURL: (response.uploadURL = importURLs[file.id]) }))
  const create = ({ name, type, size, meta }, plan) => api('POST', '', { filename: name, content_type: type, size, relative_path: meta.relativePath?.replace(/^\/+/, '').normalize('NFC'), ...plan })
  const xml = (name, text) => ({ url: `data:text/xml,${encodeURIComponent(`<${name}>${text}</${name}>`)}` }) // a response like S3's
  const getChunkSize = ({ size }) => Math.max(16 << 20, Math.ceil(size / 1000)) // one answer lists 1,000 parts
  const signRequest = async ({ method, key, uploadId: id, partNumber }) => {
    if (partNumber) return (await api('POST', `/${id}/parts`, { part_numbers: [partNumber] })).parts[0]
    if (method === 'GET') return xml('ListPartsResult', (await api('GET', `/${id}/parts`)).parts.map((p) => `<Part><PartNumber>${p.part_number}</PartNumber><ETag>${p.etag}</ETag></Part>`).join(''))
    if (method === 'DELETE') return api('DELETE', `/${id}`).then(() => xml('Aborted', ''))
    if (id) return api('POST', `/${id}/complete`).then(() => xml('CompleteMultipartUploadResult', `<Key>${key}</Key><Location>${service}/import/${id}</Location>`))
    const job = await create(uppy.getFile(key), method === 'PUT' ? { mode: 'single' } : { part_size: getChunkSize(uppy.getFile(key)) })
    importURLs[key] = `${service}/import/${job.id}`
    return { ...(job.upload ?? xml('InitiateMultipartUploadResult', `<UploadId>${job.id}</UploadId>`)), key: job.object.key }
  }
  return { getChunkSize, shouldUseMultipart: (file) => file.size > getChunkSize(file), generateObjectKey: ({ id }) => id, signRequest }
}
