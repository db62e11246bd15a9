// @ts-check
/** @typedef {import("../client/transfer.js").Transfer} Transfer */
/** @typedef {{phase: string, size: number, stored: number, sent: number, moved: number}} Share */

/** Phases whose bytes are not part of the sums. */
const excluded = ["aborting", "aborted", "failed", "needs-file"];

/** The group of each phase that is not in progress, by which the list is filtered. @type {Record<string, string>} */
const groups = { completed: "completed", failed: "failed", aborted: "aborted" };

/** @param {string} phase @returns {string} in-progress, completed, failed or aborted */
export const groupOf = (phase) => groups[phase] ?? "in-progress";

/** Sums over uploads. A change of one upload costs the same with one upload as with ten thousand. */
export class Totals {
  count = 0;
  /** In bytes, of the uploads that are in progress or completed. */
  size = 0;
  stored = 0;
  sent = 0;
  /** Bytes that the store received from this page, of all uploads. */
  moved = 0;
  /** Uploads by phase. @type {Record<string, number>} */
  #phases = {};
  /** What each upload contributes. @type {Map<Transfer, Share>} */
  #shares = new Map();

  /** Adds an upload, or updates what it contributes. @param {Transfer} t */
  update(t) {
    this.remove(t);
    const { phase, storedBytes, sentBytes, size, movedBytes: moved } = t;
    const share = excluded.includes(phase) ? { phase, size: 0, stored: 0, sent: 0, moved } :
      { phase, size, stored: Math.min(storedBytes, size), sent: sentBytes, moved };
    this.#shares.set(t, share);
    this.#add(share, 1);
  }

  /** @param {Transfer} t */
  remove(t) {
    const share = this.#shares.get(t);
    if (!share) return;
    this.#shares.delete(t);
    this.#add(share, -1);
  }

  /** Returns how many uploads are in one of these phases. @param {...string} phases */
  in(...phases) { return phases.reduce((sum, phase) => sum + (this.#phases[phase] ?? 0), 0); }

  get inProgress() { return this.count - this.in("completed", "failed", "aborted"); }

  /** @param {Share} share @param {1 | -1} sign */
  #add(share, sign) {
    this.count += sign;
    this.size += sign * share.size;
    this.stored += sign * share.stored;
    this.sent += sign * share.sent;
    this.moved += sign * share.moved;
    this.#phases[share.phase] = (this.#phases[share.phase] ?? 0) + sign;
  }
}
