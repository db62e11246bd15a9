// @ts-check
/** The API's limit of parts per call. */
const maxBatch = 1000;

/** @typedef {import("./api.js").SignedRequest} SignedRequest */
/**
 * @typedef {{checksum: string, resolve: (request: SignedRequest) => void, reject: (reason: unknown) => void}}
 *   PendingPart
 */

/**
 * Requests part URLs from the service when they are needed, so that they do not expire unused. Parts that are requested
 * during a call are signed together by the next call.
 */
export class Signer {
  /** @type {Map<number, PendingPart>} */
  #pending = new Map();
  #running = false;

  /** @param {import("./api.js").API} api @param {string} id @param {AbortSignal} signal */
  constructor(api, id, signal) {
    this.api = api;
    this.id = id;
    this.signal = signal;
  }

  /**
   * Returns the request for a part.
   * @param {number} number
   * @param {string} checksum empty if the import declares none
   * @returns {Promise<SignedRequest>}
   */
  sign(number, checksum) {
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { checksum, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run() {
    this.#running = true;
    await null; // parts that are requested in the same task are signed together
    while (this.#pending.size > 0) {
      const batch = new Map([...this.#pending].slice(0, maxBatch));
      for (const number of batch.keys()) this.#pending.delete(number);
      await this.#signBatch(batch);
    }
    this.#running = false;
  }

  /** @param {Map<number, PendingPart>} batch */
  async #signBatch(batch) {
    const checksums = [...batch].filter(([, part]) => part.checksum).map(([number, part]) => [number, part.checksum]);
    const parts = {
      part_numbers: [...batch.keys()], ...(checksums.length > 0 && { checksums: Object.fromEntries(checksums) }),
    };
    try {
      for (const signed of await this.api.sign(this.id, parts, this.signal)) {
        batch.get(signed.part_number)?.resolve(signed);
        batch.delete(signed.part_number);
      }
      throw new Error("The service returned no signed URL for a part. Press Retry.");
    } catch (error) {
      for (const part of batch.values()) part.reject(error);
    }
  }
}
