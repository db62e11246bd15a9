// @ts-check
import { memory } from "./memory.js";
import { held } from "./locks.js";
import { Transfer } from "./transfer.js";

/** How many files are at work at a time. More would finish no sooner, and each later. */
const most = 3;
/** How many files are put into the list before the page may draw. */
const bunch = 20;

/**
 * All uploads of this page, of which a few at a time are at work. Tells "added" and "removed", with the transfers, and "refused" with words.
 */
export class Queue extends EventTarget {
  /** @type {Set<Transfer>} */
  all = new Set();
  #active = 0;

  /** @param {import("./transfer.js").Means} means */
  constructor(means) {
    super();
    this.means = means;
  }

  /** Lists what was begun before the page was loaded. */
  async recall() {
    const elsewhere = await held();
    const known = memory.unfinished().filter(({ id }) => ![...this.all].some((t) => t.id === id));
    const transfers = known.map((k) => Transfer.begunBefore(this.means, k));
    this.#list(transfers);
    for (const t of transfers) {
      if (elsewhere(t.id)) void t.standBy();
    }
  }

  /**
   * Uploads files, or goes on with those that were begun.
   * @param {import("./picked.js").Picked[]} picked
   * @param {Transfer} [meant] the upload that a file was asked for
   */
  async add(picked, meant) {
    for (let at = 0; at < picked.length; at += bunch) {
      const transfers = picked.slice(at, at + bunch).map((p) => this.#transferOf(p, meant)).filter((t) => t !== null);
      this.#list(transfers);
      this.#advance();
      await new Promise((drawn) => setTimeout(drawn));
    }
  }

  /** A new one, if one is needed. @param {import("./picked.js").Picked} picked @param {Transfer} [meant] */
  #transferOf({ file, path }, meant) {
    const waiting = [...this.all].filter((t) => t.file === null && (t.phase === "needs-file" || t.phase === "locked"));
    const begun = meant ? [meant] : waiting;
    const same = begun.filter((t) => t.isOf(file));
    const own = same.find((t) => t.path === path) ?? same[0];
    if (own) {
      own.take(file);
      return null;
    }
    const other = meant ?? waiting.find((t) => t.name === file.name && t.path === path);
    if (other) {
      this.#refuse(other, file);
      return null;
    }
    if ([...this.all].some((t) => t.file && t.path === path && t.isOf(file) && !t.over)) {
      this.dispatchEvent(new CustomEvent("refused", { detail: `${file.name} is in the list already.` }));
      return null;
    }
    return new Transfer(this.means, file, path);
  }

  /** @param {Transfer} t @param {File} file */
  #refuse(t, file) {
    const why = file.name !== t.name ? "has another name" : file.size !== t.size ? "has another length" : "was changed since";
    t.problem = { text: `This is not the same file: ${file.name} ${why}. Choose the file that was begun, or cancel this upload first.`, requestId: "" };
    t.progressed();
    this.dispatchEvent(new CustomEvent("refused", { detail: t.problem.text }));
  }

  /** @param {Transfer[]} transfers */
  #list(transfers) {
    for (const t of transfers) {
      this.all.add(t);
      t.addEventListener("phase", () => this.#advance());
    }
    if (transfers.length > 0) this.dispatchEvent(new CustomEvent("added", { detail: transfers }));
  }

  /** @param {Transfer} t */
  async remove(t) {
    if (!await t.leave()) return;
    this.all.delete(t);
    this.dispatchEvent(new CustomEvent("removed", { detail: t }));
  }

  #advance() {
    for (const t of this.all) {
      if (this.#active >= most) return;
      if (t.phase === "waiting") void this.#work(t);
    }
  }

  /** @param {Transfer} t */
  async #work(t) {
    this.#active++;
    try {
      await t.run();
    } finally {
      this.#active--;
      this.#advance();
    }
  }
}
