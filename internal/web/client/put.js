// @ts-check
import { NoResponseError, ResponseError } from "./errors.js";
import { parseRetryAfter } from "./retry.js";

/**
 * How long a request may transfer nothing before it is canceled and retried, in milliseconds. A store may need a while
 * to respond after the last byte.
 */
const stallTimeout = 60_000;
/** How long a pause may wait for a request in progress, in milliseconds. */
const drainTimeout = 5000;

/** The reason of a signal that pauses an upload. Requests that end within drainTimeout are completed. */
export class Pause extends Error {}

/**
 * Sends a slice of a file with a signed request. It uses XMLHttpRequest, because fetch reports no upload progress.
 * @param {import("./api.js").SignedRequest} request
 * @param {Blob} body without a type, because the browser would send a Content-Type header of its own
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} onProgress called with the bytes sent so far
 * @returns {Promise<void>}
 */
export function put(request, body, signal, onProgress) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      if (!browserHeaders.test(name)) xhr.setRequestHeader(name, value);
    }
    const begin = performance.now();
    let sent = 0, draining = 0;
    const abort = () => xhr.abort();
    const stop = () => {
      const elapsed = performance.now() - begin, left = (body.size - sent) * elapsed / sent; // NaN or Infinity at first
      if (signal.reason instanceof Pause && left <= drainTimeout) draining = setTimeout(abort, drainTimeout);
      else abort();
    };
    let timer = setTimeout(abort, stallTimeout);
    xhr.upload.addEventListener("progress", (event) => {
      clearTimeout(timer);
      timer = setTimeout(abort, stallTimeout);
      sent = event.loaded;
      onProgress(sent);
    });
    xhr.addEventListener("load", () => {
      if (xhr.status >= 200 && xhr.status < 300) resolve();
      else reject(responseError(xhr));
    });
    xhr.addEventListener("error", () => reject(new NoResponseError("store")));
    xhr.addEventListener("abort", () => reject(signal.aborted ? signal.reason : new NoResponseError("store")));
    xhr.addEventListener("loadend", () => {
      clearTimeout(timer);
      clearTimeout(draining);
      signal.removeEventListener("abort", stop);
    });
    signal.addEventListener("abort", stop);
    xhr.send(body);
  });
}

/** Headers that the browser sets, and that scripts must not set. */
const browserHeaders = /^(content-length|host)$/i;

/** Reads an S3 error. @param {XMLHttpRequest} xhr */
function responseError(xhr) {
  const element = (/** @type {string} */ name) => new RegExp(`<${name}>([^<]*)`).exec(xhr.responseText)?.[1];
  // getResponseHeader would log an error if CORS does not expose the header.
  const retryAfter = /^retry-after: *(\d+)/im.exec(xhr.getAllResponseHeaders())?.[1];
  return new ResponseError({
    source: "store", status: xhr.status, code: element("Code"), detail: element("Message"),
    requestId: element("RequestId"), retryAfter: parseRetryAfter(retryAfter),
  });
}
