// new Uppy().use(AwsS3, signpost('https://imports.example.com', { 'x-api-key': key })), with @uppy/aws-s3 5
export const signpost = (service, headers = {}) => {
  const api = async (method, path, body) => {
    const all = { 'Content-Type': 'application/json', ...headers }
    const response = await fetch(`${service}/import${path}`, { method, headers: all, body: JSON.stringify(body) })
    const answer = JSON.parse((await response.text()) || '{}', (name, value) => (name === 'content-length' ? undefined : value))
    if (!response.ok) throw Object.assign(new Error(answer.detail), answer) // with code, errors and request_id
    return response.status === 202 ? api(method, path, body) : answer // 202: the store is still at work
  }
  const create = ({ name, type, size }, plan) => api('POST', '', { filename: name, content_type: type, size, ...plan })
  const getChunkSize = ({ size }) => Math.max(16 << 20, Math.ceil(size / 1000)) // one answer lists 1,000 parts
  return {
    getChunkSize, shouldUseMultipart: (file) => file.size > getChunkSize(file),
    getUploadParameters: async (file) => (await create(file, { mode: 'single' })).upload,
    createMultipartUpload: (file) => create(file, { part_size: getChunkSize(file) }).then(({ id }) => ({ uploadId: id, key: id })),
    signPart: async (_, { key, partNumber }) => (await api('POST', `/${key}/parts`, { part_numbers: [partNumber] })).parts[0],
    listParts: async (_, { key }) => (await api('GET', `/${key}/parts`)).parts.map((p) => ({ PartNumber: p.part_number, ETag: p.etag })),
    completeMultipartUpload: (_, { key }) => api('POST', `/${key}/complete`).then(() => ({ location: `${service}/import/${key}` })),
    abortMultipartUpload: (_, { key }) => api('DELETE', `/${key}`),
  }
}
