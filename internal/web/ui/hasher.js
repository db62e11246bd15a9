// @ts-check
import { Unreadable } from "./failures.js";

/** Has workers hash for the page. */
export class Hasher {
  /** @type {Worker[]} */
  #workers = [];
  #next = 0;
  /** @type {Map<number, {resolve: (sum: string) => void, reject: (reason: unknown) => void, read: (bytes: number) => void}>} */
  #waiting = new Map();

  /**
   * The checksum of a slice of a file, as S3 spells it.
   * @param {Blob} blob
   * @param {AbortSignal} signal
   * @param {(bytes: number) => void} read told how many bytes more are read
   * @returns {Promise<string>}
   */
  sum(blob, signal, read = () => {}) {
    signal.throwIfAborted();
    const id = this.#next++;
    const worker = this.#worker(id);
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.set(id, { resolve, reject, read });
    const drop = () => {
      worker.postMessage({ id, drop: true });
      reject(signal.reason);
    };
    signal.addEventListener("abort", drop);
    worker.postMessage({ id, blob });
    return promise.finally(() => {
      signal.removeEventListener("abort", drop);
      this.#waiting.delete(id);
    });
  }

  /** A second worker helps only where there is a processor for it. @param {number} id */
  #worker(id) {
    const most = navigator.hardwareConcurrency >= 4 ? 2 : 1;
    const at = id % most;
    return this.#workers[at] ??= this.#start();
  }

  #start() {
    const worker = new Worker(new URL("checksum-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, read, sum, unreadable } }) => {
      const whose = this.#waiting.get(id);
      if (read) whose?.read(read);
      else if (unreadable) whose?.reject(new Unreadable());
      else whose?.resolve(sum);
    });
    worker.addEventListener("error", () => { // it could not be loaded, or ran out of memory
      this.#workers = this.#workers.filter((w) => w !== worker);
      worker.terminate();
      for (const whose of this.#waiting.values()) whose.reject(new Error("The page could not compute checksums. Load it again."));
    });
    return worker;
  }
}

/** Promise.withResolvers, which older browsers lack. */
function withResolvers() {
  /** @type {(sum: string) => void} */
  let resolve = () => {};
  /** @type {(reason: unknown) => void} */
  let reject = () => {};
  /** @type {Promise<string>} */
  const promise = new Promise((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
}
