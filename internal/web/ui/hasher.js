// @ts-check
import { FileChangedError } from "./errors.js";

/** Computes checksums in workers. */
export class Hasher {
  /** @type {Worker[]} */
  #workers = [];
  #nextID = 0;
  /** @type {Map<number, {resolve: (sum: string) => void, reject: (reason: unknown) => void}>} */
  #pending = new Map();

  /**
   * Returns the checksum of a slice of a file in S3's notation.
   * @param {Blob} blob
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  sum(blob, signal) {
    signal.throwIfAborted();
    const id = this.#nextID++;
    const worker = this.#worker(id);
    const { promise, resolve, reject } = withResolvers();
    this.#pending.set(id, { resolve, reject });
    const cancel = () => {
      worker.postMessage({ id, cancel: true });
      reject(signal.reason);
    };
    signal.addEventListener("abort", cancel);
    worker.postMessage({ id, blob });
    return promise.finally(() => {
      signal.removeEventListener("abort", cancel);
      this.#pending.delete(id);
    });
  }

  /**
   * Distributes slices to at most two workers. A second one helps only if there is a processor for it.
   * @param {number} id
   */
  #worker(id) {
    const count = navigator.hardwareConcurrency >= 4 ? 2 : 1;
    return this.#workers[id % count] ??= this.#start();
  }

  #start() {
    const worker = new Worker(new URL("checksum-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, sum, unreadable } }) => {
      const call = this.#pending.get(id);
      if (unreadable) call?.reject(new FileChangedError());
      else call?.resolve(sum);
    });
    worker.addEventListener("error", () => { // it could not be loaded, or ran out of memory
      this.#workers = this.#workers.filter((w) => w !== worker);
      worker.terminate();
      const error = new Error("This page cannot compute checksums. Reload the page.");
      for (const call of this.#pending.values()) call.reject(error);
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
