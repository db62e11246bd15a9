// @ts-check
// The upload library that the service serves as /client.js. upload.d.ts describes it.
import { API } from "./api.js";
import { Connection } from "./connection.js";
import { Hasher } from "./hasher.js";
import { Limiter } from "./limiter.js";
import { ResumeStore } from "./resume-store.js";
import { Scheduler } from "./scheduler.js";
import { Transfer } from "./transfer.js";

export { FileChangedError, NoResponseError, NotCompletedError, ResponseError } from "./errors.js";

/** The states of uploads that are not named like the phase. @type {Record<string, string>} */
const states = { locked: "waiting", sending: "uploading", finishing: "completing" };

/** @param {Blob} file @param {import("./upload.d.ts").UploadOptions} [options] */
export const upload = (file, options = {}) => new Upload(file, options);

class Upload {
  #transfer;
  /** @type {(reason: unknown) => void} */
  #reject = () => {};
  /** @type {unknown} */
  #abortReason;

  /** @param {Blob} file @param {import("./upload.d.ts").UploadOptions} options */
  constructor(file, options) {
    const service = serviceOf(options.server);
    this.#transfer = newTransfer(service, file, options);
    const t = this.#transfer, { onProgress, signal } = options;
    const notify = () => onProgress?.({ stored: t.storedBytes, sending: t.sentBytes - t.storedBytes, total: t.size });
    const abort = () => void this.abort(signal?.reason).catch((reason) => this.#reject(reason));
    /** @type {Promise<import("./api.js").Job>} */
    this.done = new Promise((resolve, reject) => {
      this.#reject = reject;
      const settle = () => {
        notify();
        if (t.phase === "completed") resolve(/** @type {import("./api.js").Job} */ (t.job));
        else if (t.phase === "failed") reject(t.error);
        else if (t.phase === "aborted") reject(this.#abortReason ?? abortError());
        if (!t.isFinished) return;
        signal?.removeEventListener("abort", abort);
        t.removeEventListener("phase", settle);
        t.removeEventListener("progress", notify); // callers show the result now
      };
      t.addEventListener("phase", settle);
      t.addEventListener("progress", notify);
    });
    signal?.addEventListener("abort", abort);
    const start = signal?.aborted ? abort : () => service.scheduler.schedule(t);
    queueMicrotask(start); // so that onProgress finds the returned upload
  }

  get id() { return this.#transfer.id; }

  get state() { return states[this.#transfer.phase] ?? this.#transfer.phase; }

  async pause() {
    const t = this.#transfer;
    if (["waiting", "locked", "hashing", "sending"].includes(t.phase)) await t.pause();
  }

  resume() {
    if (["pausing", "paused"].includes(this.#transfer.phase)) this.#transfer.resume();
  }

  /** @param {unknown} [reason] */
  async abort(reason = abortError()) {
    const t = this.#transfer;
    if (t.isFinished) return;
    this.#abortReason = reason;
    await t.abort();
    if (t.phase !== "aborted") throw t.error;
  }
}

const abortError = () => new DOMException("The upload was aborted.", "AbortError");

/**
 * @typedef {Omit<import("./transfer.js").Shared, "api" | "credential"> & {scheduler: Scheduler, server: string}} Service
 */

/** What the uploads to a service share, by its URL. @type {Map<string, Service>} */
const services = new Map();
const hasher = new Hasher();

/** @param {string | URL} [server] */
function serviceOf(server = new URL(".", import.meta.url)) {
  const url = new URL(server, globalThis.location?.href).href.replace(/([^/])$/, "$1/");
  let service = services.get(url);
  if (!service) {
    service = {
      server: url, connection: new Connection(url), limiter: new Limiter(), hasher, scheduler: new Scheduler(),
      resumeStore: new ResumeStore(`signpost@${url}`), describe,
      flags: { checksums: true, checksumsSupported: false, storeResponded: false },
    };
    services.set(url, service);
  }
  return service;
}

/** @param {any} error */
const describe = (error) => ({ text: String(error?.message ?? error), requestId: error?.requestId ?? "" });

/**
 * Returns the transfer of a file: one that an earlier visit left unfinished, or a new one.
 * @param {Service} service @param {Blob} file @param {import("./upload.d.ts").UploadOptions} options
 */
function newTransfer(service, file, { headers, checksum = true, resume = true, ...options }) {
  const credential = new Headers(headers);
  const shared = { ...service, credential, api: new API(service.server, credential, service.connection) };
  const path = options.relativePath ?? (file instanceof File ? file.webkitRelativePath : "");
  const t = new Transfer(shared, file, path.slice(0, path.lastIndexOf("/") + 1), declarationOf(options));
  t.wantsChecksum = checksum;
  const state = resume && file instanceof File && service.resumeStore.states().find((s) =>
    s.name === t.name && s.path === t.path && s.size === t.size && s.lastModified === t.lastModified);
  if (state) t.setState(state);
  return t;
}

/** Returns the members of an import that options set. @param {import("./upload.d.ts").UploadOptions} options */
function declarationOf(options) {
  const members = {
    filename: options.filename, relative_path: options.relativePath, content_type: options.contentType,
    metadata: options.metadata, expires_in: options.expiresIn, write_once: options.writeOnce,
    webhook_url: options.webhookURL,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** @typedef {import("./api.js").Credential} Credential */

/** The headers of the caller. @implements {Credential} */
class Headers {
  /** A function may return the rejected token once more before it renews it. */
  maxRejections = 2;

  /** @param {import("./upload.d.ts").UploadOptions["headers"]} headers */
  constructor(headers = {}) { this.headers = typeof headers === "function" ? async () => headers() : () => headers; }

  async waitSet() {}

  /** @param {Record<string, string>} sent @param {unknown} error */
  async waitReplaced(sent, error) {
    if (JSON.stringify(await this.headers()) === JSON.stringify(sent)) throw error;
  }
}
