// @ts-check
import { NoAnswer, Refusal } from "./failures.js";
import { retryAfter } from "./patience.js";

/**
 * How long nothing may move before a request is given up and tried again, in milliseconds. A store may need a while after the last byte.
 */
const stall = 60_000;

/**
 * Sends a slice of a file as a signed request says, by XMLHttpRequest, for fetch does not tell how far it is.
 * @param {import("./api.js").SignedRequest} request
 * @param {Blob} body of no type, or the browser would send a header of its own
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} moved told how many bytes are sent
 * @returns {Promise<void>}
 */
export function put(request, body, signal, moved) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) {
      if (!ofBrowser.test(name)) xhr.setRequestHeader(name, value);
    }
    const stop = () => xhr.abort();
    let watch = setTimeout(stop, stall);
    const moves = () => {
      clearTimeout(watch);
      watch = setTimeout(stop, stall);
    };
    xhr.upload.addEventListener("progress", (event) => {
      moves();
      moved(event.loaded);
    });
    xhr.addEventListener("load", () => (xhr.status >= 200 && xhr.status < 300 ? resolve() : reject(refusal(xhr))));
    xhr.addEventListener("error", () => reject(new NoAnswer("store")));
    xhr.addEventListener("abort", () => reject(signal.aborted ? signal.reason : new NoAnswer("store")));
    xhr.addEventListener("loadend", () => {
      clearTimeout(watch);
      signal.removeEventListener("abort", stop);
    });
    signal.addEventListener("abort", stop);
    xhr.send(body);
  });
}

/** Headers that a browser sets itself, rightly, and lets no script set. */
const ofBrowser = /^(content-length|host)$/i;

/** Reads an S3 error. @param {XMLHttpRequest} xhr */
function refusal(xhr) {
  const said = (/** @type {string} */ name) => new RegExp(`<${name}>([^<]*)`).exec(xhr.responseText)?.[1];
  const after = /^retry-after: *(\d+)/im.exec(xhr.getAllResponseHeaders())?.[1]; // to ask for one that is not exposed is logged as an error
  return new Refusal({ by: "store", status: xhr.status, code: said("Code"), detail: said("Message"), requestId: said("RequestId"), after: retryAfter(after) });
}
