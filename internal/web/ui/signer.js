// @ts-check
/** How many parts the service signs in one call. */
const most = 1000;

/**
 * Asks the service for part URLs just when they are needed, so that none grows old. Whoever asks while a call is under way is served by
 * the next one, together with all others who do.
 */
export class Signer {
  /** @type {Map<number, {sum: string, resolve: (request: import("./api.js").SignedRequest) => void, reject: (reason: unknown) => void}>} */
  #waiting = new Map();
  #calling = false;

  /** @param {import("./api.js").API} api @param {string} id @param {AbortSignal} signal */
  constructor(api, id, signal) {
    this.api = api;
    this.id = id;
    this.signal = signal;
  }

  /**
   * @param {number} number of the part
   * @param {string} sum its checksum; empty where the import declares none
   * @returns {Promise<import("./api.js").SignedRequest>}
   */
  sign(number, sum) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { sum, resolve, reject });
      if (!this.#calling) void this.#serve();
    });
  }

  async #serve() {
    this.#calling = true;
    await null; // those who ask in the same breath come along
    while (this.#waiting.size > 0) {
      const batch = new Map([...this.#waiting].slice(0, most));
      for (const number of batch.keys()) this.#waiting.delete(number);
      await this.#call(batch);
    }
    this.#calling = false;
  }

  /**
   * @param {Map<number, {sum: string, resolve: (request: import("./api.js").SignedRequest) => void, reject: (reason: unknown) => void}>} batch
   */
  async #call(batch) {
    const sums = [...batch].filter(([, wish]) => wish.sum).map(([number, wish]) => [number, wish.sum]);
    const parts = { part_numbers: [...batch.keys()], ...(sums.length > 0 && { checksums: Object.fromEntries(sums) }) };
    try {
      for (const signed of await this.api.sign(this.id, parts, this.signal)) {
        batch.get(signed.part_number)?.resolve(signed);
        batch.delete(signed.part_number);
      }
      throw new Error("The service left out a part that it was to sign.");
    } catch (failure) {
      for (const wish of batch.values()) wish.reject(failure);
    }
  }
}
