// @ts-check
/** The largest file that is small, in bytes. For smaller ones, the calls before and after take longer than sending. */
const maxSmall = 1 << 20;
/**
 * How many small files are uploaded at a time, and how many of them a larger file counts as. Small files keep all
 * connections busy. Of large files, more than three at a time would only make each take longer.
 */
const capacity = 24, largeCost = 8;

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** Runs transfers that are waiting, a few at a time and in order. */
export class Scheduler extends EventTarget {
  /** @type {Set<Transfer>} */
  #waiting = new Set();
  #load = 0;

  /** Runs a transfer whenever it is waiting. @param {Transfer} t */
  schedule(t) {
    const update = () => {
      if (t.phase === "waiting") this.#waiting.add(t);
      else this.#waiting.delete(t);
      this.#startWaiting();
    };
    t.addEventListener("phase", update);
    update();
  }

  #startWaiting() {
    for (const t of this.#waiting) {
      const cost = t.size > maxSmall ? largeCost : 1;
      if (this.#load + cost > capacity) return;
      void this.#run(t, cost);
    }
  }

  /** @param {Transfer} t @param {number} cost */
  async #run(t, cost) {
    this.#load += cost;
    try {
      await t.run();
    } finally {
      this.#load -= cost;
      this.#startWaiting();
    }
  }
}
