// @ts-check
import { Checksum, defineChecksum } from "./checksum.js";
import { FileChangedError } from "./errors.js";
import { MD5, defineMD5 } from "./md5.js";

const algorithms = { crc64nvme: Checksum, md5: MD5 };

/** @typedef {keyof typeof algorithms} Algorithm */
/** @typedef {{algorithm: Algorithm, blob: Blob, signal: AbortSignal, resolve: (sum: string | Promise<string>) => void,
 *   reject: (reason: unknown) => void}} Call */

/** Computes checksums in workers, or in the page if its Content-Security-Policy allows no worker. */
export class Hasher {
  /** @type {(Worker | null)[]} */
  #workers = [];
  #workersFail = false;
  #nextID = 0;
  /** @type {Map<number, Call>} */
  #pending = new Map();
  /** The checksums that the page computes, one at a time. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * Returns the checksum of a slice of a file in S3's notation, or its MD5 sum in hexadecimal digits.
   * @param {Blob} blob
   * @param {AbortSignal} signal
   * @param {Algorithm} [algorithm]
   * @returns {Promise<string>}
   */
  async sum(blob, signal, algorithm = "crc64nvme") {
    signal.throwIfAborted();
    const id = this.#nextID++;
    const worker = this.#worker(id);
    if (!worker) return this.#sumInPage(algorithm, blob, signal);
    let cancel = () => {};
    try {
      return await new Promise((resolve, reject) => {
        cancel = () => {
          worker.postMessage({ id, cancel: true });
          reject(signal.reason);
        };
        this.#pending.set(id, { algorithm, blob, signal, resolve, reject });
        signal.addEventListener("abort", cancel);
        worker.postMessage({ id, algorithm, blob });
      });
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#pending.delete(id);
    }
  }

  /** @param {Algorithm} algorithm @param {Blob} blob @param {AbortSignal} signal */
  #sumInPage(algorithm, blob, signal) {
    const sum = this.#last.then(async () => {
      signal.throwIfAborted();
      const value = await hash(algorithms[algorithm], blob, () => signal.aborted)
        .catch(() => { throw new FileChangedError(); });
      signal.throwIfAborted();
      return value;
    });
    this.#last = sum.catch(() => {});
    return sum;
  }

  /**
   * Distributes slices to at most two workers. A second one helps only if there is a processor for it.
   * @param {number} id
   */
  #worker(id) {
    const count = navigator.hardwareConcurrency >= 4 ? 2 : 1;
    if (!this.#workersFail) this.#workers[id % count] ??= this.#start();
    return this.#workersFail ? null : this.#workers[id % count];
  }

  /** Returns a worker made of a Blob: browsers load no worker from another origin. */
  #start() {
    const source = `(${serve})({ crc64nvme: (${defineChecksum})(), md5: (${defineMD5})() }, ${hash});`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const worker = new Worker(url);
      worker.addEventListener("message", ({ data: { id, sum, unreadable } }) => {
        URL.revokeObjectURL(url);
        const call = this.#pending.get(id);
        if (unreadable) call?.reject(new FileChangedError());
        else call?.resolve(sum);
      });
      worker.addEventListener("error", () => this.#stopWorkers()); // it is not allowed, or ran out of memory
      return worker;
    } catch { // there are no workers
      this.#stopWorkers();
      return null;
    }
  }

  /** Computes all checksums in the page from now on. */
  #stopWorkers() {
    this.#workersFail = true;
    for (const worker of this.#workers) worker?.terminate();
    this.#workers = [];
    for (const { algorithm, blob, signal, resolve } of this.#pending.values()) {
      resolve(this.#sumInPage(algorithm, blob, signal));
    }
    this.#pending.clear();
  }
}

// A worker gets the text of the following functions, so they refer to nothing else.

/**
 * Hashes a slice in chunks: it needs a few megabytes of memory for any size. Returns "" if it was canceled, and throws
 * if the file was changed or removed; browsers do not say which.
 * @param {typeof Checksum | typeof MD5} Sum
 * @param {Blob} blob
 * @param {() => boolean} isCanceled
 */
async function hash(Sum, blob, isCanceled) {
  const chunkSize = 4 << 20; // in bytes; with smaller chunks, reading takes longer than hashing
  const sum = new Sum();
  for (let at = 0; at < blob.size; at += chunkSize) {
    const bytes = await blob.slice(at, at + chunkSize).arrayBuffer();
    if (isCanceled()) return "";
    sum.add(new Uint8Array(bytes));
  }
  return sum.value();
}

/**
 * Runs in the worker and hashes slices, one at a time.
 * @param {typeof algorithms} sums
 * @param {typeof hash} hashBlob
 */
function serve(sums, hashBlob) {
  /** The canceled calls. @type {Set<number>} */
  const canceled = new Set();
  let last = Promise.resolve();
  addEventListener("message", ({ data: { id, algorithm, blob, cancel } }) => {
    if (cancel) {
      canceled.add(id);
      return;
    }
    last = last.then(() => hashBlob(sums[/** @type {Algorithm} */ (algorithm)], blob, () => canceled.has(id)))
      .then((sum) => postMessage({ id, sum }), () => postMessage({ id, unreadable: true }))
      .finally(() => canceled.delete(id));
  });
}
