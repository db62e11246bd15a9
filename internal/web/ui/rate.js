// @ts-check
/** Over how long a rate is taken, in milliseconds. Shorter, it jumps; longer, it lags. */
const span = 6000;

/** How fast something goes, of a few looks at how far it is. */
export class Rate {
  /** @type {{at: number, bytes: number}[]} */
  #looks = [];

  /** @param {number} bytes that are through now @param {number} [at] */
  look(bytes, at = performance.now()) {
    if (bytes < (this.#looks.at(-1)?.bytes ?? 0)) this.#looks = []; // something has to be sent again
    this.#looks.push({ at, bytes });
    while (at - this.#looks[0].at > span) this.#looks.shift();
  }

  forget() { this.#looks = []; }

  /** Bytes a second; 0 where it is not known yet. */
  value() {
    const first = this.#looks[0], last = this.#looks.at(-1);
    return !last || last.at - first.at < 700 ? 0 : (last.bytes - first.bytes) / (last.at - first.at) * 1000;
  }
}
