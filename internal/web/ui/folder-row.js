// @ts-check
import { formatBytes, formatCount, plural } from "./format.js";
import { drawProgress } from "./progress-bar.js";
import { Totals } from "./totals.js";

/** A folder with at most this many files is open at first. */
const maxOpen = 20;

/** The row of a folder, and the sums of its files. */
export class FolderRow {
  totals = new Totals();
  /** What the user chose. @type {boolean | undefined} */
  #open;

  /** @param {string} name @param {HTMLTemplateElement} template */
  constructor(name, template) {
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLLIElement} */ (fragment.firstElementChild);
    const part = (/** @type {string} */ at) => /** @type {HTMLElement} */ (this.element.querySelector(at));
    this.button = part("button");
    this.state = part(".state");
    this.progress = /** @type {HTMLProgressElement} */ (part("progress"));
    part(".name").textContent = name;
    this.progress.setAttribute("aria-label", `Upload progress of folder ${name}`);
    this.element.dataset.name = name;
  }

  get isOpen() { return this.#open ?? this.totals.count <= maxOpen; }

  toggle() { this.#open = !this.isOpen; }

  draw() {
    const { totals } = this, completed = totals.in("completed"), failed = totals.in("failed");
    this.button.setAttribute("aria-expanded", String(this.isOpen));
    const texts = [`${formatCount(completed)} of ${plural(totals.count, "file")} completed`];
    if (failed > 0) texts.push(`${formatCount(failed)} failed`);
    texts.push(formatBytes(totals.size));
    const text = texts.join(" · ");
    if (this.state.textContent !== text) this.state.textContent = text;
    this.element.dataset.state = failed > 0 ? "failed" : completed === totals.count ? "completed" : "sending";
    drawProgress(this.progress, totals, completed === totals.count);
    this.progress.hidden = completed === totals.count;
  }
}
