// @ts-check
// What can go wrong, and what people are told of it.

/** An answer that says no: of the service, a problem document, or of the store, an S3 error. */
export class Refusal extends Error {
  /**
   * @param {{by: "service" | "store", status: number, code?: string, detail?: string, faults?: string[], requestId?: string, after?: number}} said
   */
  constructor(said) {
    super(said.detail || said.code || `${said.by} said ${said.status}`);
    this.by = said.by;
    this.status = said.status;
    this.code = said.code ?? "";
    this.detail = said.detail ?? "";
    this.faults = said.faults ?? [];
    this.requestId = said.requestId ?? "";
    this.after = said.after ?? 0; // milliseconds
  }
}

/** No answer, or one cut short. */
export class NoAnswer extends Error {
  /** @param {"service" | "store"} by */
  constructor(by) {
    super(`no answer of the ${by}`);
    this.by = by;
  }
}

/** The file was changed, moved or removed since it was picked. */
export class Unreadable extends Error {}

/** The import ended otherwise than by being completed. */
export class Over extends Error {
  /** @param {string} status @param {string} [detail] */
  constructor(status, detail) {
    super(detail ?? status);
    this.status = status;
    this.detail = detail ?? "";
  }
}

/** Whether what failed may succeed when tried again as it is. @param {unknown} failure */
export function temporary(failure) {
  if (failure instanceof NoAnswer) return true;
  if (!(failure instanceof Refusal)) return false;
  return [408, 429, 500, 502, 503, 504].includes(failure.status) ||
    ["RequestTimeout", "IncompleteBody", "ConditionalRequestConflict", "OperationAborted"].includes(failure.code); // of S3, with 400 and 409
}

/** Whether fewer requests at a time would help. @param {unknown} failure */
export function overloaded(failure) {
  return failure instanceof Refusal && ([408, 429, 503, 504].includes(failure.status) || failure.code === "RequestTimeout");
}

/**
 * Whether the store refused a request that might please it when signed anew: it waited too long, or its credentials ended.
 * @param {unknown} failure
 */
export function outdated(failure) {
  return failure instanceof Refusal && failure.by === "store" &&
    (failure.status === 403 || ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"].includes(failure.code)); // which S3 says with 400
}

/** Whether the store knows nothing of the checksum that was declared. @param {unknown} failure */
export function checksumUnknown(failure) {
  if (!(failure instanceof Refusal)) return false;
  if (failure.by === "store") return ["InvalidRequest", "InvalidArgument", "NotImplemented"].includes(failure.code) || failure.status === 501;
  // A store that refuses it of an upload in parts makes a fault of the service, which cannot tell why.
  return failure.code === "internal-error" || failure.faults.some((fault) => fault.startsWith("/checksum"));
}

/** Whether the store has no space: the codes are those of versitygw, MinIO and Ceph. @param {Refusal} failure */
const full = (failure) => failure.status === 507 ||
  /^(XMinioStorageFull|XMinioAdminBucketQuotaExceeded|QuotaExceeded)$/.test(failure.code);

/** By a problem's code: what happened, and what to do about it. @type {Record<string, string>} */
const words = {
  "scope-missing": "Your API key may not do this. Ask for one that may upload.",
  "list-forbidden": "This service does not list imports.",
  "origin-not-allowed": "The service does not take calls from this address of the page. Open it by the service's own address.",
  "import-not-found": "The service knows nothing of this import any more. Retry begins it anew.",
  "import-aborted": "Somebody cancelled this import. Retry begins it anew.",
  "import-expired": "This import was left for too long. Retry begins it anew.",
  "import-failed": "What arrived is not the file. Retry begins it anew.",
  "parts-missing": "The store lost some of the parts. Retry sends them again.",
  "part-size-mismatch": "The store holds parts of another length. Retry sends them again.",
  "upload-missing": "The store has not seen the file. Retry sends it again.",
  "checksum-mismatch": "What arrived is not what was read from the file, so the service removed it. Retry begins anew.",
  "size-too-large": "The file is larger than this service takes.",
  "content-type-not-allowed": "This service does not take files of this kind.",
  "too-many-open-uploads": "You have as many unfinished uploads as this service allows. Finish or cancel some, then try again.",
  "expiry-unattainable": "The service's credentials end too soon to sign this upload. Try again in a while.",
  "rate-limited": "You made more requests than the service takes for now. Try again in a while.",
  "store-full": "The store is full. Ask its operator to free space, then try again.",
  "completion-failed": "The store has all parts of the file and failed to assemble them. Try again: nothing is sent again.",
  "store-unavailable": "The service cannot reach its store for now. Try again in a while.",
  "credentials-expired": "The service's credentials have ended. Try again in a while, or tell its operator.",
  "identity-unavailable": "The service cannot find out who you are for now. Try again in a while.",
  "stopping": "The service is about to restart. Try again in a while.",
  "internal-error": "The service failed. Try again; if that does not help, tell its operator the number.",
  "misdirected": "This service answers as localhost alone. Open this page at http://localhost.",
};

/**
 * What a person is told of a failure: what happened and what to do, and the id that the service's log has it under.
 * @param {unknown} failure
 * @returns {{text: string, requestId: string}}
 */
export function explain(failure) {
  if (failure instanceof Unreadable) return { text: "The file was changed, moved or removed since you chose it. Choose it again.", requestId: "" };
  if (failure instanceof Over) return { text: ofEnd(failure), requestId: "" };
  if (failure instanceof NoAnswer) {
    return failure.by === "service" ? { text: "The service does not answer. Try again in a while.", requestId: "" } :
      { text: "The store cannot be reached from this page. It may be away, or its CORS rules may not name this page's address: ask the operator.", requestId: "" };
  }
  if (!(failure instanceof Refusal)) return { text: failure instanceof Error ? failure.message : String(failure), requestId: "" };
  if (failure.by === "store") {
    if (full(failure)) return { text: words["store-full"], requestId: failure.requestId };
    const why = [failure.code, failure.detail].filter(Boolean).join(": ") || `status ${failure.status}`;
    return { text: `The store refused the file (${why}). Retry; if that does not help, tell the operator.`, requestId: failure.requestId };
  }
  const said = words[failure.code] ?? (failure.detail || `The service refused (status ${failure.status}).`);
  return { text: [said, ...failure.faults.map(plain)].join(" "), requestId: failure.requestId };
}

/** @param {Over} failure */
function ofEnd(failure) {
  const said = words[`import-${failure.status}`] ?? `The import ended as ${failure.status}.`;
  return failure.detail ? said.replace(/\.(?= |$)/, () => `: ${failure.detail.replace(/\.$/, "")}.`) : said;
}

/** Words for a fault such as "/size must be at most 100". @param {string} fault */
function plain(fault) {
  const named = fault.replace(/^\/(\w+)/, (_, name) => name.replaceAll("_", " "));
  return named.charAt(0).toUpperCase() + named.slice(1).replace(/\.?$/, ".");
}
