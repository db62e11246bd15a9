// @ts-check
import { count } from "./words.js";

/** How long what happened is gathered before it is said, in milliseconds, so that fifty files do not talk for minutes. */
const gather = 1200;
/** More than so many sentences are summed up. */
const most = 3;

/** Tells people who do not see the page what happened. */
export class Live {
  /** @type {{text: string, kind: string}[]} */
  #said = [];
  #timer = 0;

  /** @param {HTMLElement} region */
  constructor(region) { this.region = region; }

  /** @param {string} text a sentence @param {string} [kind] such as "completed", which many are summed up as */
  say(text, kind = "") {
    if (this.#said.at(-1)?.text !== text) this.#said.push({ text, kind });
    this.#timer ||= window.setTimeout(() => this.#speak(), gather);
  }

  #speak() {
    this.region.textContent = this.#said.length <= most ? this.#said.map(({ text }) => text).join(" ") : summary(this.#said);
    this.#said = [];
    this.#timer = 0;
  }
}

/** @param {{text: string, kind: string}[]} said */
function summary(said) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { kind } of said) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const own = said.filter(({ kind }) => kind === "").slice(-1).map(({ text }) => text);
  counts.delete("");
  return [...counts].map(([kind, n]) => `${count(n, "upload")} ${kind}.`).concat(own).join(" ");
}
