// @ts-check
/** An error response: a problem document of the service, or an S3 error of the store. */
export class ResponseError extends Error {
  name = "ResponseError";

  /**
   * @param {{source: "service" | "store", status: number, code?: string, detail?: string, fieldErrors?: string[],
   *   requestId?: string, retryAfter?: number}} response retryAfter is in milliseconds
   */
  constructor(response) {
    super(response.detail || response.code || `${response.source} returned ${response.status}`);
    this.source = response.source;
    this.status = response.status;
    this.code = response.code ?? "";
    this.detail = response.detail ?? "";
    this.fieldErrors = response.fieldErrors ?? [];
    this.requestId = response.requestId ?? "";
    this.retryAfter = response.retryAfter ?? 0;
  }
}

/** There was no response, or an incomplete one. */
export class NoResponseError extends Error {
  name = "NoResponseError";

  /** @param {"service" | "store"} source */
  constructor(source) {
    super(`no response from the ${source}`);
    this.source = source;
  }
}

/** The file was changed, moved or removed since it was selected. */
export class FileChangedError extends Error {
  name = "FileChangedError";

  constructor() { super("the file was changed, moved or deleted after it was chosen"); }
}

/** The import has a terminal status other than completed. */
export class NotCompletedError extends Error {
  name = "NotCompletedError";

  /** @param {string} status @param {string} [detail] */
  constructor(status, detail) {
    super(detail || `the import is ${status}`);
    this.status = status;
    this.detail = detail ?? "";
  }
}

/** Reports whether another attempt may succeed. @param {unknown} error */
export function isTemporary(error) {
  if (error instanceof NoResponseError) return true;
  if (!(error instanceof ResponseError)) return false;
  return [408, 429, 500, 502, 503, 504].includes(error.status) || // S3 sends these codes with status 400 and 409
    ["RequestTimeout", "IncompleteBody", "ConditionalRequestConflict", "OperationAborted"].includes(error.code);
}

/** Reports whether fewer concurrent requests may help. @param {unknown} error */
export function isOverload(error) {
  return error instanceof ResponseError &&
    ([408, 429, 503, 504].includes(error.status) || error.code === "RequestTimeout");
}

/**
 * Reports whether the store may accept the request with a new signature: the signature, or the credentials that made
 * it, expired.
 * @param {unknown} error
 */
export function isSignatureExpired(error) {
  return error instanceof ResponseError && error.source === "store" && // S3 sends these codes with status 400
    (error.status === 403 || ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"].includes(error.code));
}

/** Reports whether the store received other bytes than were hashed. @param {unknown} error */
export function isChecksumMismatch(error) {
  return error instanceof ResponseError && /^(BadDigest|XAmzContentChecksumMismatch)$/.test(error.code);
}

/** Reports whether the store may not support the declared checksum. @param {unknown} error */
export function isChecksumUnsupported(error) {
  if (!(error instanceof ResponseError)) return false;
  if (error.source === "store") {
    return ["InvalidRequest", "InvalidArgument", "NotImplemented"].includes(error.code) || error.status === 501;
  }
  // If the store rejects the checksum of a multipart upload, the service returns an internal error.
  return error.code === "internal-error" || error.fieldErrors.some((e) => e.startsWith("/checksum"));
}

/** Reports whether the store is full. The codes are those of versitygw, MinIO and Ceph. @param {ResponseError} error */
export function isStoreFull(error) {
  return error.status === 507 || /^(XMinioStorageFull|XMinioAdminBucketQuotaExceeded|QuotaExceeded)$/.test(error.code);
}

/**
 * Reports whether the store lost parts that it had acknowledged. A MinIO cluster with a stopped node lists them with
 * size 0.
 * @param {unknown} error
 */
export function isPartLost(error) {
  return error instanceof ResponseError && ["parts-missing", "part-size-mismatch"].includes(error.code);
}
