// @ts-check
import { plural } from "./format.js";

/** How long announcements are collected, in milliseconds, so that fifty files are not announced for minutes. */
const collectFor = 1200;
/** More announcements than these are summarized. */
const maxSentences = 3;

/** Announces events to users of screen readers, by an ARIA live region. */
export class LiveRegion {
  /** @type {{text: string, kind: string, count: number}[]} */
  #pending = [];
  #timer = 0;

  /** @param {HTMLElement} region */
  constructor(region) { this.region = region; }

  /**
   * @param {string} text a sentence
   * @param {string} [kind] such as "completed"; a summary counts uploads by kind
   * @param {number} [count] of uploads
   */
  announce(text, kind = "", count = 1) {
    if (this.#pending.at(-1)?.text !== text || kind !== "") this.#pending.push({ text, kind, count });
    this.#timer ||= window.setTimeout(() => this.#flush(), collectFor);
  }

  #flush() {
    const all = this.#pending;
    this.region.textContent = all.length <= maxSentences ? all.map(({ text }) => text).join(" ") : summarize(all);
    this.#pending = [];
    this.#timer = 0;
  }
}

/** @param {{text: string, kind: string, count: number}[]} announcements */
function summarize(announcements) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { kind, count } of announcements) counts.set(kind, (counts.get(kind) ?? 0) + count);
  const lastWithoutKind = announcements.filter(({ kind }) => kind === "").slice(-1).map(({ text }) => text);
  counts.delete("");
  return [...counts].map(([kind, n]) => `${plural(n, "upload")} ${kind}.`).concat(lastWithoutKind).join(" ");
}
