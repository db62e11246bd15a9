// @ts-check
/** After this time, an old rate has a weight of 1/e. In milliseconds. */
const smoothing = 10_000;
/** Between parts the rate does not change, until the line seems to be stalled. In milliseconds. */
const minUpdate = 500, stalled = 20_000;

/** Computes the rate at which the store receives bytes, as the CLI does: an exponential moving average. */
export class Rate {
  /** When the rate was last computed, and for the first time. */
  #at = NaN;
  #began = NaN;
  #moved = 0;
  #rate = 0;

  /**
   * Returns bytes per second, or 0 if the rate is not known yet.
   * @param {number} moved bytes that the store has received in this run; fewer than before if an upload was removed
   * @param {number} [now]
   */
  update(moved, now = performance.now()) {
    if (Number.isNaN(this.#at)) this.#at = this.#began = now;
    if (moved < this.#moved || now === this.#began) this.#moved = moved;
    const passed = now - this.#at;
    if (passed < minUpdate || moved === this.#moved && passed < stalled) return this.#rate;
    const weight = Math.max(1 - Math.exp(-passed / smoothing), passed / (now - this.#began));
    this.#rate += weight * ((moved - this.#moved) / passed * 1000 - this.#rate);
    this.#at = now;
    this.#moved = moved;
    return this.#rate;
  }
}
