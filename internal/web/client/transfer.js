// @ts-check
import {
  FileChangedError, NoResponseError, NotCompletedError, ResponseError, isChecksumUnsupported, isPartLost,
} from "./errors.js";
import { lockImport } from "./import-lock.js";
import { uploadMultipart } from "./multipart.js";
import { Pause } from "./put.js";
import { uploadSingle } from "./single.js";
import { sleep } from "./wait.js";

/** The largest file that is sent in one request, in bytes. Repeating a larger request costs more than parts do. */
const maxSingleSize = 16 << 20;
/** How long the removal of an import is tried, in milliseconds. */
const deleteTimeout = 60_000;
/** How long the creation of an import may continue after the upload was stopped, in milliseconds. */
const createGracePeriod = 5000;
/**
 * How long it takes until a page that is left runs no more code, in milliseconds. In WebKit such a page can read no file,
 * and must not conclude that the file was changed and discard the upload.
 */
const leaveTime = 1000;
/** How many imports may expire while the file waits before the upload fails. */
const maxExpired = 5;

/**
 * What all transfers share.
 * @typedef {{api: import("./api.js").API, limiter: import("./limiter.js").Limiter,
 *   credential: import("./api.js").Credential & {requested?: boolean},
 *   hasher: import("./hasher.js").Hasher, connection: import("./connection.js").Connection,
 *   resumeStore: import("./resume-store.js").ResumeStore, describe: (error: unknown) => Problem,
 *   flags: {checksums: boolean, checksumsSupported: boolean, storeResponded: boolean}}} Shared
 *   checksums: declare them, until a store turns out not to support them; checksumsSupported: the store accepted one;
 *   storeResponded: the store has responded to this page
 * @typedef {{text: string, requestId: string}} Problem what failed and what to do; the request ID is that of the
 *   service's log
 * @typedef {"waiting" | "hashing" | "sending" | "pausing" | "paused" | "locked" | "needs-file" | "finishing" |
 *   "completed" | "failed" | "aborting" | "aborted"} Phase
 */

/** The upload of one file. Dispatches "phase" and "progress". */
export class Transfer extends EventTarget {
  /** The import's id, or "". */
  id = "";
  /** In bytes; 0 for one request. */
  partSize = 0;
  /** @type {string} of the whole file, or "" */
  checksum = "";
  /**
   * The checksum of each uploaded part, by part number - 1; "" without checksums, undefined if the part is not
   * uploaded.
   * @type {(string | undefined)[]}
   */
  partChecksums = [];
  /** Whether partChecksums contains what the store has. */
  compared = false;
  /** Whether the import declares a checksum. */
  withChecksum = true;
  /** Whether a checksum is declared if the store supports it. */
  wantsChecksum = true;
  /** Bytes that the store has, and those that it received from this page. */
  storedBytes = 0;
  movedBytes = 0;
  /** Shown besides the phase. */
  note = "";
  /** @type {Problem | null} */
  problem = null;
  /** The error that problem describes. @type {unknown} */
  error = null;
  /** Whether another try may help. */
  retryable = true;
  /** @type {import("./api.js").Job | null} */
  job = null;
  /** Bytes of requests in progress, by part number. @type {Map<number, number>} */
  #inFlight = new Map();
  /** @type {Phase} */
  #phase = "waiting";
  #stop = new AbortController();
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  /** @type {(() => void) | null} */
  #unlock = null;
  #createdAt = Date.now();
  #expiredCount = 0;

  /**
   * @param {Shared} shared
   * @param {Blob | null} file
   * @param {string} path that of its folders, which is shown
   * @param {object} [declaration] members of the import besides those of the file
   */
  constructor(shared, file, path, declaration = {}) {
    super();
    this.shared = shared;
    this.file = file;
    this.path = path;
    this.declaration = declaration;
    this.name = file instanceof File ? file.name : "";
    this.size = file?.size ?? 0;
    this.lastModified = file instanceof File ? file.lastModified : 0;
  }

  /**
   * Returns the upload of a resume state. It needs its file.
   * @param {Shared} shared
   * @param {import("./resume-store.js").ResumeState} state
   */
  static fromState(shared, state) {
    const t = new Transfer(shared, null, state.path);
    t.setState(state);
    t.#phase = "needs-file";
    return t;
  }

  /** Resumes the upload of a resume state. @param {import("./resume-store.js").ResumeState} state */
  setState(state) {
    this.id = state.id;
    this.name = state.name;
    this.size = state.size;
    this.lastModified = state.lastModified;
    this.partSize = state.partSize;
    this.withChecksum = state.checksum !== "";
    this.storedBytes = Math.min(state.sent, state.size);
    this.#createdAt = state.at;
  }

  get phase() { return this.#phase; }

  set phase(phase) {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.dispatchEvent(new Event("phase"));
  }

  /** Whether it is running. It may wait for a connection or a credential. */
  get isActive() { return ["hashing", "sending", "finishing"].includes(this.#phase); }

  /** Whether a new import declares a checksum. */
  get usesChecksum() { return this.wantsChecksum && this.shared.flags.checksums; }

  get isFinished() { return ["completed", "failed", "aborted"].includes(this.#phase); }

  get sentBytes() {
    let bytes = this.storedBytes;
    for (const part of this.#inFlight.values()) bytes += part;
    return Math.min(bytes, this.size);
  }

  /** Records the bytes that a request has sent; 0 when it has ended. @param {number} number @param {number} bytes */
  setInFlight(number, bytes) {
    if (bytes > 0) this.#inFlight.set(number, bytes);
    else this.#inFlight.delete(number);
    this.notifyProgress();
  }

  notifyProgress() { this.dispatchEvent(new Event("progress")); }

  /** @param {string} note */
  setNote(note) {
    if (this.note === note) return;
    this.note = note;
    this.notifyProgress();
  }

  /** Reports whether a file is the one of this upload. @param {File} file */
  matches(file) {
    return file.name === this.name && file.size === this.size && file.lastModified === this.lastModified;
  }

  /** Continues a resumed upload with its file. @param {File} file */
  setFile(file) {
    this.file = file;
    this.note = "";
    if (this.#phase === "needs-file") this.phase = "waiting";
  }

  /** Uploads the file until it is completed or stopped. It never throws: the phase tells the result. */
  run() {
    this.#stop = new AbortController();
    this.problem = null;
    this.note = "";
    this.phase = "hashing"; // synchronously, or the queue would start it twice
    const { signal } = this.#stop;
    // A paused run may not have ended yet.
    this.#running = this.#running.then(() => (signal.aborted ? undefined : this.#run(signal)));
    return this.#running;
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    try {
      for (let restart = true; restart;) restart = await this.#upload(signal);
    } catch (error) {
      if (error instanceof FileChangedError) await sleep(leaveTime, signal).catch(() => {});
      if (!signal.aborted) this.#fail(error);
    }
    this.#inFlight.clear();
    this.notifyProgress();
  }

  /**
   * Returns whether to restart: the store does not support checksums, or the import expired while the file waited.
   * @param {AbortSignal} signal
   */
  async #upload(signal) {
    try {
      if (this.id && !await this.#lock(signal)) return false;
      await (this.size <= maxSingleSize && !this.partSize ? uploadSingle(this, signal) : uploadMultipart(this, signal));
      return false;
    } catch (error) {
      if (signal.aborted) throw error;
      const isExpired = error instanceof NotCompletedError && error.status === "expired";
      if (isExpired && !this.partSize && ++this.#expiredCount < maxExpired) {
        this.forgetImport();
        return true;
      }
      if (!this.withChecksum || this.shared.flags.checksumsSupported || !isChecksumUnsupported(error)) throw error;
      this.shared.flags.checksums = false;
      this.#discardImport();
      return true;
    }
  }

  /**
   * Locks the import. Returns false if another tab holds the lock; then it waits in the background.
   * @param {AbortSignal} signal
   */
  async #lock(signal) {
    this.#unlock ??= await lockImport(this.id);
    if (this.#unlock) return true;
    void this.waitForLock(signal);
    return false;
  }

  #release() {
    this.#unlock?.();
    this.#unlock = null;
  }

  /** Waits until no other tab has the import, and updates the phase. @param {AbortSignal} [signal] */
  async waitForLock(signal = this.#stop.signal) {
    this.phase = "locked";
    try {
      const unlock = await lockImport(this.id, signal);
      const job = await this.shared.api.read(this.id, signal);
      if (job.status === "completed") {
        unlock?.();
        this.complete(job);
      } else if (job.status === "aborted") {
        unlock?.();
        this.shared.resumeStore.remove(this.id);
        this.phase = "aborted";
      } else if (this.file) {
        this.#unlock = unlock;
        this.compared = false;
        this.phase = "waiting";
      } else {
        unlock?.();
        this.phase = "needs-file";
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** Sets the phase unless the upload was stopped. @param {Phase} phase @param {AbortSignal} signal */
  setPhase(phase, signal) {
    signal.throwIfAborted();
    this.phase = phase;
  }

  /**
   * Creates the import. If the upload is stopped, a request that was sent has a grace period: otherwise the import that
   * it creates would remain.
   * @param {object} declaration
   * @param {AbortSignal} signal
   */
  async create(declaration, signal) {
    const request = new AbortController();
    const stop = () => setTimeout(() => request.abort(signal.reason), createGracePeriod);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    try {
      const type = this.file?.type ?? "";
      const common = {
        ...(this.name && { filename: sanitizeFilename(this.name) }), size: this.size,
        ...(this.path && { relative_path: sanitizePath(this.path + this.name) }),
      };
      const whole = {
        ...common, ...(mediaType.test(type) && { content_type: type }), ...this.declaration, ...declaration,
      };
      await this.#setImport(await this.shared.api.create(whole, signal, request.signal));
    } finally {
      signal.removeEventListener("abort", stop);
    }
    signal.throwIfAborted();
  }

  /** @param {import("./api.js").Job} job */
  async #setImport(job) {
    this.job = job;
    this.id = job.id;
    this.partSize = job.multipart?.part_size ?? 0;
    this.compared = true; // no part is uploaded yet
    this.#createdAt = Date.now();
    this.#unlock ??= await lockImport(job.id);
    this.saveState();
    this.dispatchEvent(new Event("phase")); // the id has changed
  }

  saveState() {
    this.shared.resumeStore.save({
      id: this.id, name: this.name, path: this.path, size: this.size, lastModified: this.lastModified,
      partSize: this.partSize, checksum: this.withChecksum ? "crc64nvme" : "", sent: this.storedBytes,
      at: this.#createdAt,
    });
  }

  /** @param {import("./api.js").Job} job */
  complete(job) {
    this.job = job;
    this.storedBytes = this.size;
    this.#finish("completed");
  }

  /** Forgets the import. The next run creates a new one. */
  forgetImport() {
    if (this.id) this.shared.resumeStore.remove(this.id);
    this.#release();
    this.#inFlight.clear();
    this.id = "";
    this.partSize = 0;
    this.partChecksums = [];
    this.compared = false;
    this.storedBytes = 0;
    this.withChecksum = this.usesChecksum;
  }

  /** Forgets the import and deletes it. */
  #discardImport() {
    const id = this.id;
    this.forgetImport();
    if (id) void this.shared.api.delete(id, AbortSignal.timeout(deleteTimeout)).catch(() => {}); // otherwise it expires
  }

  /**
   * Pauses when all requests have ended, unless it is resumed or aborted before. Requests that end soon are completed.
   * @param {unknown} [reason]
   */
  async pause(reason = new Pause()) {
    this.#abortRun("pausing", reason);
    const running = this.#running;
    await running;
    if (this.#phase === "pausing" && this.#running === running) this.phase = "paused";
  }

  resume() {
    this.phase = "waiting";
  }

  /**
   * Pauses and unlocks the import while the page is in the browser's back/forward cache. Returns whether it was running
   * or waiting.
   */
  suspend() {
    const resumes = this.isActive || this.#phase === "waiting";
    if (resumes) void this.pause(new Error("suspended")); // the browser sends nothing meanwhile
    this.#release();
    this.compared = false; // another tab may send parts
    return resumes;
  }

  /**
   * Aborts the import, or deletes the object of a completed one. It is aborted once the service has confirmed that;
   * until then it can be resumed or aborted again.
   */
  async abort() {
    const before = this.isFinished ? this.#phase : null;
    this.#abortRun("aborting");
    await this.#running; // a create that is still running may return the id only now
    if (this.id && !await this.#delete(before === "completed" ? "Not deleted." : "Not aborted.")) {
      this.phase = before ?? (this.file ? "paused" : "needs-file");
      return;
    }
    this.#finish("aborted");
  }

  /** Deletes the import and returns whether it is gone. Otherwise it sets the problem. @param {string} prefix */
  async #delete(prefix) {
    const signal = AbortSignal.timeout(deleteTimeout);
    try {
      await this.shared.api.delete(this.id, signal);
      return true;
    } catch (error) {
      if (error instanceof ResponseError && error.status === 404) return true;
      this.error = signal.aborted ? new NoResponseError("service") : error;
      const { text, requestId } = this.shared.describe(this.error);
      this.problem = { text: `${prefix} ${text} Uploaded data may remain in the store until it expires.`, requestId };
      return false;
    }
  }

  /** Stops the upload before its row is removed. The import remains. */
  async remove() {
    this.#stop.abort(new Error("removed"));
    await this.#running;
    this.#unlock?.();
  }

  /** @param {Phase} phase @param {unknown} [reason] */
  #abortRun(phase, reason = new Error(phase)) {
    this.problem = null;
    this.phase = phase;
    this.#stop.abort(reason);
    this.note = "";
  }

  /** @param {unknown} error */
  #fail(error) {
    const code = error instanceof ResponseError ? error.code : "";
    this.error = error;
    this.problem = this.shared.describe(error);
    this.retryable = this.file !== null && !["size-too-large", "content-type-not-allowed"].includes(code);
    if (error instanceof FileChangedError) {
      this.retryable = false;
      this.#discardImport();
    } else if (error instanceof NotCompletedError || unusableImportCodes.includes(code)) {
      this.forgetImport();
    } else if (isPartLost(error)) {
      this.compared = false;
    }
    this.phase = "failed";
  }

  /** @param {"completed" | "aborted"} status */
  #saveResult(status) {
    const { id, name, path, size } = this;
    this.shared.resumeStore.finish({ id, name, path, size, status, at: Date.now() });
  }

  /** @param {"completed" | "aborted"} phase */
  #finish(phase) {
    if (this.id) this.#saveResult(phase);
    this.#release();
    this.phase = phase;
  }
}

/** Problem codes after which an import cannot be resumed. */
const unusableImportCodes = [
  "import-not-found", "import-aborted", "import-expired", "import-failed", "checksum-mismatch", "not-multipart",
];

/** The media types that the API accepts, without parameters. */
const mediaType = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/;

/**
 * Replaces what the service rejects in filenames: control characters, slashes, backslashes, and more than 255
 * characters.
 * @param {string} name
 */
function sanitizeFilename(name) {
  const characters = [...name].map((c) => (/[\x00-\x1f\x7f/\\]|^[\ud800-\udfff]$/.test(c) ? "_" : c));
  return characters.slice(-255).join("") || "_"; // the end contains the extension
}

/**
 * Replaces what the service rejects in relative paths: control characters and backslashes. Returns the path in NFC.
 * @param {string} path
 */
function sanitizePath(path) {
  const characters = [...path].map((c) => (/[\x00-\x1f\x7f-\x9f\\]|^[\ud800-\udfff]$/.test(c) ? "_" : c));
  return characters.join("").normalize("NFC");
}
