// @ts-check
/** The period over which a rate is computed, in milliseconds. A shorter one is unsteady; a longer one lags. */
const period = 6000;

/** Computes the current rate of a transfer from samples of its progress. */
export class Rate {
  /** @type {{at: number, bytes: number}[]} */
  #samples = [];

  /** @param {number} bytes sent so far @param {number} [at] */
  add(bytes, at = performance.now()) {
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = []; // some bytes must be sent again
    this.#samples.push({ at, bytes });
    while (at - this.#samples[0].at > period) this.#samples.shift();
  }

  reset() { this.#samples = []; }

  /** Returns bytes per second, or 0 if the rate is not known yet. */
  value() {
    const first = this.#samples[0], last = this.#samples.at(-1);
    return !last || last.at - first.at < 700 ? 0 : (last.bytes - first.bytes) / (last.at - first.at) * 1000;
  }
}
