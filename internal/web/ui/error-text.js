// @ts-check
import { FileChangedError, NoResponseError, NotCompletedError, ResponseError, isStoreFull } from "../client/errors.js";
import { formatBytes } from "./format.js";

/** What failed and what to do, by problem code. @type {Record<string, string>} */
const problemTexts = {
  "scope-missing": "Your API key or token does not permit this. Ask the operator for one that does.",
  "origin-not-allowed":
    "The service rejects requests from pages at this address. Open this page at the service's own address, " +
    "or ask the operator to allow this one.",
  "import-not-found": "The service has no such import any more. Press Retry to upload the file again.",
  "import-aborted": "Another client aborted this import. Press Retry to upload the file again.",
  "import-expired": "The import expired before it was completed. Press Retry to upload the file again.",
  "import-failed": "The stored object differs from the file. Press Retry to upload the file again.",
  "parts-missing": "Some parts are missing in the store. Press Retry to upload them again.",
  "part-size-mismatch": "Some stored parts have the wrong size. Press Retry to upload them again.",
  "upload-missing": "The store does not have the file. Press Retry to upload it again.",
  "checksum-mismatch":
    "The stored object did not match the file's checksum and was deleted. Press Retry to upload the file again.",
  "size-too-large": "The file is larger than this service allows. Upload a smaller file, or ask the operator.",
  "content-type-not-allowed":
    "This service does not accept files of this type. Upload another file, or ask the operator.",
  "too-many-open-uploads":
    "You have as many uploads in progress as this service allows. Complete or abort some, then try again.",
  "expiry-unattainable": "The service's credentials expire too soon to sign this upload. Try again later.",
  "rate-limited": "This page sent too many requests. Try again later.",
  "store-full": "The store is full. Ask its operator to free space, then try again.",
  "completion-failed": "The store failed to assemble the file from its parts. Press Retry: no part is uploaded again.",
  "store-unavailable": "The service cannot reach the store. Try again later.",
  "credentials-expired": "The service's credentials have expired. Try again later, or contact the operator.",
  "identity-unavailable": "The service cannot check your key or token. Try again later.",
  "stopping": "The service is restarting. Try again later.",
  "internal-error": "The service failed. Try again. If it fails again, contact the operator.",
  "misdirected":
    "Without authentication, this service accepts requests for localhost only. Open this page at http://localhost, with " +
    "the same port.",
};

/** Describes an error to users. @param {unknown} error @returns {import("../client/transfer.js").Problem} */
export function describe(error) {
  return { text: describeText(error), requestId: error instanceof ResponseError ? error.requestId : "" };
}

/** @param {unknown} error */
function describeText(error) {
  if (error instanceof FileChangedError) {
    return "The file was changed, moved or deleted after you chose it. Choose it again.";
  }
  if (error instanceof NotCompletedError) return describeStatus(error);
  if (error instanceof NoResponseError) {
    return error.source === "service" ? "The service does not respond. Try again later." :
      "This page cannot reach the store. It may be unavailable, or its CORS rule may not allow this page's address. " +
      "Try again later, or ask the operator.";
  }
  if (!(error instanceof ResponseError)) return error instanceof Error ? error.message : String(error);
  if (error.source === "store") {
    if (isStoreFull(error)) return problemTexts["store-full"];
    const reason = [error.code, error.detail].filter(Boolean).join(": ") || `status ${error.status}`;
    return `The store rejected the upload (${reason}). Press Retry. If it fails again, contact the operator.`;
  }
  const text = problemTexts[error.code] ??
    (error.detail || `The service rejected the request (status ${error.status}). Contact the operator.`);
  return [text, ...error.fieldErrors.map(describeField)].join(" ");
}

/** @param {NotCompletedError} error */
function describeStatus(error) {
  const text = problemTexts[`import-${error.status}`] ?? `The status of the import is ${error.status}. Press Retry.`;
  return error.detail ? text.replace(/\.(?= |$)/, () => `: ${error.detail.replace(/\.$/, "")}.`) : text;
}

/** Turns a field error such as "/size must be at most 2048 bytes" into a sentence. @param {string} fieldError */
function describeField(fieldError) {
  const named = fieldError.replace(/^\/(\w+)/, (_, name) => name.replaceAll("_", " "))
    .replace(/^size .*?(\d+) bytes/, (text, bytes) => `${text} (${formatBytes(Number(bytes))})`);
  return named.charAt(0).toUpperCase() + named.slice(1).replace(/\.?$/, ".");
}
