// @ts-check
import { FileChangedError, NoResponseError, NotCompletedError, ResponseError, isStoreFull } from "./errors.js";

/** What happened and what to do, by problem code. @type {Record<string, string>} */
const problemTexts = {
  "scope-missing": "Your API key may not do this. Ask for one that may upload.",
  "list-forbidden": "This service does not list imports.",
  "origin-not-allowed":
    "The service does not take calls from this address of the page. Open it by the service's own address.",
  "import-not-found": "This import no longer exists. Retry begins it anew.",
  "import-aborted": "Another client cancelled this import. Retry begins it anew.",
  "import-expired": "This import was left for too long. Retry begins it anew.",
  "import-failed": "What arrived is not the file. Retry begins it anew.",
  "parts-missing": "The store lost some of the parts. Retry sends them again.",
  "part-size-mismatch": "The store holds parts of another length. Retry sends them again.",
  "upload-missing": "The store does not have the file. Retry sends it again.",
  "checksum-mismatch": "What arrived is not what was read from the file, so the service removed it. Retry begins anew.",
  "size-too-large": "The file is larger than this service takes.",
  "content-type-not-allowed": "This service does not take files of this kind.",
  "too-many-open-uploads":
    "You have as many unfinished uploads as this service allows. Finish or cancel some, then try again.",
  "expiry-unattainable": "The service's credentials end too soon to sign this upload. Try again in a while.",
  "rate-limited": "You made more requests than the service takes for now. Try again in a while.",
  "store-full": "The store is full. Ask its operator to free space, then try again.",
  "completion-failed":
    "The store has all parts of the file and failed to assemble them. Try again: nothing is sent again.",
  "store-unavailable": "The service cannot reach its store for now. Try again in a while.",
  "credentials-expired": "The service's credentials have ended. Try again in a while, or tell its operator.",
  "identity-unavailable": "The service cannot check your key or token for now. Try again in a while.",
  "stopping": "The service is about to restart. Try again in a while.",
  "internal-error": "The service failed. Try again; if that does not help, tell its operator the number.",
  "misdirected": "This service answers as localhost alone. Open this page at http://localhost.",
};

/**
 * @typedef {{text: string, requestId: string}} Problem what happened and what to do; the request ID is that of the
 *   service's log
 */

/** Describes an error to users. @param {unknown} error @returns {Problem} */
export function describe(error) {
  return { text: describeText(error), requestId: error instanceof ResponseError ? error.requestId : "" };
}

/** @param {unknown} error */
function describeText(error) {
  if (error instanceof FileChangedError) {
    return "The file was changed, moved or removed since you chose it. Choose it again.";
  }
  if (error instanceof NotCompletedError) return describeStatus(error);
  if (error instanceof NoResponseError) {
    return error.source === "service" ? "The service does not answer. Try again in a while." :
      "The store cannot be reached from this page. It may be away, or its CORS rules may not name this page's " +
      "address: ask the operator.";
  }
  if (!(error instanceof ResponseError)) return error instanceof Error ? error.message : String(error);
  if (error.source === "store") {
    if (isStoreFull(error)) return problemTexts["store-full"];
    const reason = [error.code, error.detail].filter(Boolean).join(": ") || `status ${error.status}`;
    return `The store refused the file (${reason}). Retry; if that does not help, tell the operator.`;
  }
  const text = problemTexts[error.code] ?? (error.detail || `The service refused (status ${error.status}).`);
  return [text, ...error.fieldErrors.map(describeField)].join(" ");
}

/** @param {NotCompletedError} error */
function describeStatus(error) {
  const text = problemTexts[`import-${error.status}`] ?? `The import ended as ${error.status}.`;
  return error.detail ? text.replace(/\.(?= |$)/, () => `: ${error.detail.replace(/\.$/, "")}.`) : text;
}

/** Turns a field error such as "/size must be at most 100" into a sentence. @param {string} fieldError */
function describeField(fieldError) {
  const named = fieldError.replace(/^\/(\w+)/, (_, name) => name.replaceAll("_", " "));
  return named.charAt(0).toUpperCase() + named.slice(1).replace(/\.?$/, ".");
}
