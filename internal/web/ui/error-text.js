// @ts-check
import { FileChangedError, NoResponseError, NotCompletedError, ResponseError, isStoreFull } from "./errors.js";

/** What failed and what to do, by problem code. @type {Record<string, string>} */
const problemTexts = {
  "scope-missing": "Your API key does not allow this. Ask the operator for a key that allows uploads.",
  "list-forbidden": "This service does not list imports.",
  "origin-not-allowed":
    "The service does not accept requests from this address. Open this page at the service's own address.",
  "import-not-found": "This import no longer exists. Retry uploads the file again.",
  "import-aborted": "Another client cancelled this import. Retry uploads the file again.",
  "import-expired": "The import expired before it was completed. Retry uploads the file again.",
  "import-failed": "The stored object differs from the file. Retry uploads the file again.",
  "parts-missing": "The store lost some of the parts. Retry sends them again.",
  "part-size-mismatch": "Some stored parts have the wrong size. Retry sends them again.",
  "upload-missing": "The store does not have the file. Retry sends it again.",
  "checksum-mismatch":
    "The uploaded data does not match the file's checksum, so it was removed. Retry uploads the file again.",
  "size-too-large": "The file is larger than this service allows.",
  "content-type-not-allowed": "This service does not accept files of this type.",
  "too-many-open-uploads":
    "You have as many unfinished uploads as this service allows. Finish or cancel some, then try again.",
  "expiry-unattainable": "The service's credentials expire too soon to sign this upload. Try again later.",
  "rate-limited": "You sent too many requests. Try again later.",
  "store-full": "The store is full. Ask its operator to free space, then try again.",
  "completion-failed":
    "The store has all parts of the file and failed to assemble them. Try again: nothing is sent again.",
  "store-unavailable": "The service cannot reach its store at the moment. Try again later.",
  "credentials-expired": "The service's credentials have expired. Try again later, or contact its operator.",
  "identity-unavailable": "The service cannot check your key or token at the moment. Try again later.",
  "stopping": "The service is about to restart. Try again later.",
  "internal-error": "The service failed. Try again. If it fails again, send the request ID below to its operator.",
  "misdirected": "This service accepts requests only at localhost. Open this page at http://localhost.",
};

/**
 * @typedef {{text: string, requestId: string}} Problem what failed and what to do; the request ID is that of the
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
    return error.source === "service" ? "The service does not respond. Try again later." :
      "The store cannot be reached from this page. It may be unavailable, or its CORS rules may not allow this " +
      "page's address. Ask the operator.";
  }
  if (!(error instanceof ResponseError)) return error instanceof Error ? error.message : String(error);
  if (error.source === "store") {
    if (isStoreFull(error)) return problemTexts["store-full"];
    const reason = [error.code, error.detail].filter(Boolean).join(": ") || `status ${error.status}`;
    return `The store refused the file (${reason}). Retry. If it fails again, contact the operator.`;
  }
  const text = problemTexts[error.code] ?? (error.detail || `The service refused (status ${error.status}).`);
  return [text, ...error.fieldErrors.map(describeField)].join(" ");
}

/** @param {NotCompletedError} error */
function describeStatus(error) {
  const text = problemTexts[`import-${error.status}`] ?? `The status of the import is ${error.status}.`;
  return error.detail ? text.replace(/\.(?= |$)/, () => `: ${error.detail.replace(/\.$/, "")}.`) : text;
}

/** Turns a field error such as "/size must be at most 100" into a sentence. @param {string} fieldError */
function describeField(fieldError) {
  const named = fieldError.replace(/^\/(\w+)/, (_, name) => name.replaceAll("_", " "));
  return named.charAt(0).toUpperCase() + named.slice(1).replace(/\.?$/, ".");
}
