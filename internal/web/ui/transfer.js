// @ts-check
import { NoAnswer, Over, Refusal, Unreadable, checksumUnknown, explain } from "./failures.js";
import { hold } from "./locks.js";
import { memory } from "./memory.js";
import { sendInParts } from "./parts.js";
import { sendWhole } from "./single.js";

/** The largest file that is sent in one request, in bytes; beyond it, to start anew costs more than parts do. */
const singleSize = 16 << 20;
/** For how long somebody who has cancelled is heard of by the service, in milliseconds. */
const undoLimit = 60_000;
/** For how long a create may go on after the upload was stopped, in milliseconds. */
const createGrace = 5000;
/** How many imports may expire before their file has its turn, until that is told. */
const tooOften = 5;

/**
 * What all transfers have in common.
 * @typedef {{api: import("./api.js").API, gate: import("./gate.js").Gate, hasher: import("./hasher.js").Hasher, checksums: boolean, checksumsTaken: boolean, storeAnswered: boolean,
 *   connection: import("./connection.js").Connection, credential: import("./credential.js").Credential}} Means
 * checksums: declared, until the store is found to know none; checksumsTaken: it is known to know them; storeAnswered: it let this page upload before
 * @typedef {"waiting" | "hashing" | "sending" | "pausing" | "paused" | "locked" | "needs-file" | "finishing" | "completed" | "failed" | "cancelling" | "cancelled" | "removing"} Phase
 */

/** One file on its way. Tells "phase" when that changes, and "progress". */
export class Transfer extends EventTarget {
  /** Of the import, once there is one. */
  id = "";
  /** 0: in one request. */
  partSize = 0;
  /** @type {string} of the whole file, or empty */
  sum = "";
  /**
   * By part number - 1: its checksum, empty where there are none. Undefined: the store does not have the part.
   * @type {(string | undefined)[]}
   */
  held = [];
  /** Whether held is what the store holds. */
  compared = false;
  /** Whether the import declares checksums. */
  checks = true;
  /** Bytes that the store has, or that were compared. */
  done = 0;
  /** Bytes on their way, by part number. @type {Map<number, number>} */
  moving = new Map();
  /** Something said beside the phase. */
  note = "";
  /** @type {{text: string, requestId: string} | null} */
  problem = null;
  /** Whether to try again could help. */
  retriable = true;
  /** @type {import("./api.js").Job | null} */
  job = null;
  /** @type {Phase} */
  #phase = "waiting";
  #stop = new AbortController();
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  /** @type {(() => void) | null} */
  #free = null;
  #begun = Date.now();
  #expired = 0;

  /** @param {Means} means @param {File | null} file @param {string} path the folders it was in, for people */
  constructor(means, file, path) {
    super();
    this.means = means;
    this.file = file;
    this.path = path;
    this.name = file?.name ?? "";
    this.size = file?.size ?? 0;
    this.lastModified = file?.lastModified ?? 0;
  }

  /** One that was begun before the page was loaded. @param {Means} means @param {import("./memory.js").Unfinished} known */
  static begunBefore(means, known) {
    const t = new Transfer(means, null, known.path);
    t.id = known.id;
    t.name = known.name;
    t.size = known.size;
    t.lastModified = known.lastModified;
    t.partSize = known.partSize;
    t.checks = known.checksum !== "";
    t.done = Math.min(known.sent, known.size);
    t.#begun = known.at;
    t.#phase = "needs-file";
    return t;
  }

  get phase() { return this.#phase; }

  set phase(phase) {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.dispatchEvent(new Event("phase"));
  }

  /** Whether it is at work, or would be with a connection or a key. */
  get active() { return ["hashing", "sending", "finishing"].includes(this.#phase); }

  get over() { return ["completed", "failed", "cancelled"].includes(this.#phase); }

  get sent() {
    let bytes = this.done;
    for (const part of this.moving.values()) bytes += part;
    return Math.min(bytes, this.size);
  }

  /** @param {number} number @param {number} bytes */
  moved(number, bytes) {
    if (bytes > 0) this.moving.set(number, bytes);
    else this.moving.delete(number);
    this.progressed();
  }

  progressed() { this.dispatchEvent(new Event("progress")); }

  /** What the person is told beside the phase, until something else is. @param {string} note */
  say(note) {
    if (this.note === note) return;
    this.note = note;
    this.progressed();
  }

  /** Whether a file is the one that was begun. @param {File} file */
  isOf(file) { return file.name === this.name && file.size === this.size && file.lastModified === this.lastModified; }

  /** Goes on with the file that it waited for. @param {File} file */
  take(file) {
    this.file = file;
    this.note = "";
    if (this.#phase === "needs-file") this.phase = "waiting";
  }

  /** Sends, until there is nothing more to do now. It never fails: the phase tells. */
  run() {
    this.#stop = new AbortController();
    this.problem = null;
    this.note = "";
    this.phase = "hashing"; // at once, or whoever looks for what waits would run it twice
    const { signal } = this.#stop;
    this.#running = this.#running.then(() => (signal.aborted ? undefined : this.#run(signal))); // one that was paused may still be ending
    return this.#running;
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    try {
      for (let again = true; again;) again = await this.#send(signal);
    } catch (failure) {
      if (!signal.aborted) this.#fail(failure);
    }
    this.moving.clear();
    this.progressed();
  }

  /**
   * Returns whether to begin again: the store knows no checksums, or what was to be sent in one request waited too long for its turn.
   * @param {AbortSignal} signal
   */
  async #send(signal) {
    try {
      if (this.id && !await this.#hold(signal)) return false;
      await (this.size <= singleSize && !this.partSize ? sendWhole(this, signal) : sendInParts(this, signal));
      return false;
    } catch (failure) {
      if (!signal.aborted && failure instanceof Over && failure.status === "expired" && !this.partSize && ++this.#expired < tooOften) {
        this.anew();
        return true;
      }
      if (signal.aborted || !this.checks || this.means.checksumsTaken || !checksumUnknown(failure)) throw failure;
      this.means.checksums = false;
      this.#abandon();
      return true;
    }
  }

  /** Holds the import against other tabs, or waits aside until it is free. @param {AbortSignal} signal */
  async #hold(signal) {
    if (this.#free) return true;
    this.#free = await hold(this.id);
    if (this.#free) return true;
    void this.standBy(signal);
    return false;
  }

  /** Waits until no other tab has the import, and then its turn, or for the file. @param {AbortSignal} [signal] */
  async standBy(signal = this.#stop.signal) {
    this.phase = "locked";
    try {
      const free = await hold(this.id, signal);
      const job = await this.means.api.read(this.id, signal);
      if (job.status === "completed") {
        free?.();
        this.complete(job);
      } else if (job.status === "aborted") {
        free?.();
        memory.forget(this.id);
        this.phase = "cancelled";
      } else if (this.file) {
        this.#free = free;
        this.compared = false;
        this.phase = "waiting";
      } else {
        free?.();
        this.phase = "needs-file";
      }
    } catch (failure) {
      if (!signal.aborted) this.#fail(failure);
    }
  }

  /** Goes on to a phase, unless it was stopped meanwhile. @param {Phase} phase @param {AbortSignal} signal */
  enter(phase, signal) {
    signal.throwIfAborted();
    this.phase = phase;
  }

  /**
   * Creates the import. When it is stopped meanwhile, a request that was sent has a while to end: the import it creates would otherwise
   * be left behind.
   * @param {object} declared
   * @param {AbortSignal} signal
   */
  async create(declared, signal) {
    const cut = new AbortController();
    const stop = () => setTimeout(() => cut.abort(signal.reason), createGrace);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    try {
      await this.begin(await this.means.api.create({ ...this.declared(), ...declared }, signal, cut.signal));
    } finally {
      signal.removeEventListener("abort", stop);
    }
    signal.throwIfAborted();
  }

  /** Takes up the import that the service has made. @param {import("./api.js").Job} job */
  async begin(job) {
    this.job = job;
    this.id = job.id;
    this.partSize = job.multipart?.part_size ?? 0;
    this.compared = true; // there is nothing yet
    this.#begun = Date.now();
    this.#free ??= await hold(job.id);
    this.remember();
    this.dispatchEvent(new Event("phase")); // the id is news
  }

  remember() {
    memory.remember({
      id: this.id, name: this.name, path: this.path, size: this.size, lastModified: this.lastModified,
      partSize: this.partSize, checksum: this.checks ? "crc64nvme" : "", sent: this.done, at: this.#begun,
    });
  }

  /** What is declared of it, beside how it is sent. */
  declared() {
    const type = this.file?.type ?? "";
    return { filename: presentable(this.name), size: this.size, ...(mediaType.test(type) && { content_type: type }) };
  }

  /** @param {import("./api.js").Job} job */
  complete(job) {
    this.job = job;
    this.done = this.size;
    this.#end("completed");
  }

  /** Forgets the import, which is of no use any more. */
  anew() {
    if (this.id) memory.forget(this.id);
    this.#free?.();
    this.#free = null;
    Object.assign(this, { id: "", partSize: 0, held: [], compared: false, done: 0, checks: this.means.checksums });
    this.moving.clear();
  }

  /** The import is removed too. */
  #abandon() {
    const id = this.id;
    this.anew();
    if (id) void this.means.api.remove(id, AbortSignal.timeout(undoLimit)).catch(() => {}); // it ends by itself too
  }

  /** Stops. It is paused once its requests have ended, unless it is resumed or cancelled before. */
  async pause() {
    this.#halt("pausing");
    const running = this.#running;
    await running;
    if (this.#phase === "pausing" && this.#running === running) this.phase = "paused";
  }

  resume() {
    this.phase = "waiting";
  }

  /**
   * Lets other tabs have it while the browser keeps this page aside, as it does when somebody goes to another and may come back.
   * Returns whether it was at work.
   */
  setAside() {
    const working = this.active || this.#phase === "waiting";
    if (working) void this.pause();
    this.#free?.();
    this.#free = null;
    this.compared = false; // whoever has it meanwhile may send more
    return working;
  }

  /** Aborts the import. It is cancelled once the service has confirmed that; until then it can be resumed or cancelled again. */
  async cancel() {
    this.#halt("cancelling");
    await this.#running; // a create that is still running may return the id only now
    if (this.id && !await this.#deleted("Not cancelled.")) {
      this.phase = this.file ? "paused" : "needs-file";
      return;
    }
    this.#end("cancelled");
  }

  /** Deletes the import and returns whether it is gone. If it is not, the problem says so, and why. @param {string} not */
  async #deleted(not) {
    const signal = AbortSignal.timeout(undoLimit);
    try {
      await this.means.api.remove(this.id, signal);
      return true;
    } catch (failure) {
      if (failure instanceof Refusal && failure.status === 404) return true;
      const { text, requestId } = explain(signal.aborted ? new NoAnswer("service") : failure);
      this.problem = { text: `${not} ${text} What was sent may stay in the store until it expires.`, requestId };
      return false;
    }
  }

  /**
   * Leaves the import to other tabs or, if it failed, deletes it. Returns false if the service has not confirmed that: the row then says
   * why, and it can be removed again.
   */
  async leave() {
    if (this.#phase === "failed" && this.id) {
      this.problem = null;
      this.phase = "removing";
      if (!await this.#deleted("Not removed.")) {
        this.phase = "failed";
        return false;
      }
      this.#ended("aborted");
    }
    this.#stop.abort(new Error("removed"));
    await this.#running;
    this.#free?.();
    return true;
  }

  /** @param {Phase} phase */
  #halt(phase) {
    this.problem = null;
    this.phase = phase;
    this.#stop.abort(new Error(phase));
    this.note = "";
  }

  /** @param {unknown} failure */
  #fail(failure) {
    this.problem = explain(failure);
    this.retriable = this.file !== null && !(failure instanceof Refusal && ["size-too-large", "content-type-not-allowed"].includes(failure.code));
    if (failure instanceof Unreadable) {
      this.retriable = false;
      this.#abandon();
    } else if (failure instanceof Over || failure instanceof Refusal && beginsAnew.includes(failure.code)) {
      this.anew();
    } else if (failure instanceof Refusal && ["parts-missing", "part-size-mismatch"].includes(failure.code)) {
      this.compared = false;
    }
    this.phase = "failed";
  }

  /** Remembers what became of the import. @param {"completed" | "aborted"} status */
  #ended(status) { memory.end({ id: this.id, name: this.name, size: this.size, status, at: Date.now() }); }

  /** @param {"completed" | "cancelled"} phase */
  #end(phase) {
    if (this.id) this.#ended(phase === "completed" ? "completed" : "aborted");
    this.#free?.();
    this.#free = null;
    this.phase = phase;
  }
}

/** Refusals after which an import is of no use any more. */
const beginsAnew = ["import-not-found", "import-aborted", "import-expired", "import-failed", "checksum-mismatch", "not-multipart"];

/** What the contract takes for a media type, its parameters left out. */
const mediaType = /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/;

/** A file's name as the service takes it, which has no control characters, no slashes, and at most 255 characters. @param {string} name */
function presentable(name) {
  const whole = [...name].map((c) => (/[\x00-\x1f\x7f/\\]|^[\ud800-\udfff]$/.test(c) ? "_" : c));
  return whole.slice(-255).join("") || "_"; // the end has what kind of file it is
}
