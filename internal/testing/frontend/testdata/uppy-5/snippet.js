// uppy.use(AwsS3, signpost(uppy, 'https://imports.example.com', { Authorization: `Bearer ${token}` })), with @uppy/aws-s3 5
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
  const getChunkSize = ({ size }) => Math.max(16 << 20, Math.ceil(size / 1000)) // one answer lists 1,000 parts
  return {
    getChunkSize, shouldUseMultipart: (file) => file.size > getChunkSize(file),
    getUploadParameters: (file) => create(file, { mode: 'single' }).then(({ id, upload }) => { importURLs[file.id] = `${service}/import/${id}`; return upload }),
    createMultipartUpload: (file) => create(file, { part_size: getChunkSize(file) }).then(({ id }) => ({ uploadId: id, key: id })),
    signPart: async (_, { key, partNumber }) => (await api('POST', `/${key}/parts`, { part_numbers: [partNumber] })).parts[0],
    listParts: async (_, { key }) => (await api('GET', `/${key}/parts`)).parts.map((p) => ({ PartNumber: p.part_number, ETag: p.etag })),
    completeMultipartUpload: (_, { key }) => api('POST', `/${key}/complete`).then(() => ({ location: `${service}/import/${key}` })),
    abortMultipartUpload: (_, { key }) => api('DELETE', `/${key}`),
  }
}
