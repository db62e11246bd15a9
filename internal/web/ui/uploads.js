// @ts-check
import { Rate } from "./rate.js";
import { Row } from "./row.js";
import { bytes, count, duration } from "./words.js";

/** How often progress is drawn, in milliseconds: often enough to seem alive, seldom enough to cost nothing. */
const every = 250;

/** What is said aloud of a row that comes to show this. @type {Record<string, string>} */
const aloud = {
  completed: "is uploaded", failed: "failed", cancelled: "is cancelled", paused: "is paused", locked: "is being sent by another tab",
  "needs-file": "waits for its file",
};

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** The list of uploads, and what is said of all together. */
export class Uploads {
  /** @type {Map<Transfer, Row>} */
  #rows = new Map();
  /** Those whose rows are not as they are. @type {Set<Transfer>} */
  #stale = new Set();
  #rate = new Rate();
  #timer = 0;

  /**
   * @param {import("./queue.js").Queue} queue
   * @param {import("./live.js").Live} live
   * @param {(t: Transfer) => void} choose asks for the file of an upload that was begun
   */
  constructor(queue, live, choose) {
    this.queue = queue;
    this.live = live;
    this.choose = choose;
    this.section = byId("sending");
    this.list = byId("uploads");
    this.template = /** @type {HTMLTemplateElement} */ (byId("row"));
    this.title = document.title;
    queue.addEventListener("added", (e) => this.#add(/** @type {CustomEvent<Transfer[]>} */ (e).detail));
    queue.addEventListener("removed", (e) => this.#remove(/** @type {CustomEvent<Transfer>} */ (e).detail));
    for (const source of [queue.means.connection, queue.means.credential]) source.addEventListener("change", () => this.#all());
    this.list.addEventListener("click", (e) => this.#press(e));
    byId("clear").addEventListener("click", () => this.#clear());
    byId("pause-all").addEventListener("click", () => this.#each((t) => (t.active && t.phase !== "finishing") || t.phase === "waiting", (t) => void t.pause()));
    byId("resume-all").addEventListener("click", () => this.#each(pausedOrSoon, (t) => t.resume()));
  }

  /** @param {Transfer[]} transfers */
  #add(transfers) {
    const rows = document.createDocumentFragment();
    for (const t of transfers) {
      const row = new Row(t, this.template);
      this.#rows.set(t, row);
      row.draw();
      rows.append(row.element);
      t.addEventListener("phase", () => this.#changed(t));
      t.addEventListener("progress", () => this.#later(t, every));
    }
    this.list.append(rows);
    this.live.say(transfers.length === 1 ? `${transfers[0].name} is in the list.` : `${count(transfers.length, "file")} are in the list.`);
    this.#summary();
  }

  /** @param {Transfer} t */
  #remove(t) {
    const row = this.#rows.get(t);
    const focused = row?.element.contains(document.activeElement);
    const neighbour = /** @type {HTMLElement | null} */ (row?.element.nextElementSibling ?? row?.element.previousElementSibling);
    if (t.phase === "removing") this.live.say(`${t.name} is removed.`);
    this.#rows.delete(t);
    this.#stale.delete(t);
    row?.element.remove();
    const button = /** @type {HTMLElement | null | undefined} */ (neighbour?.querySelector("button:not([hidden])"));
    if (focused) (button ?? byId("files")).focus();
    this.#summary();
  }

  /** @param {Transfer} t */
  #changed(t) {
    const row = this.#rows.get(t);
    if (!row) return;
    const before = row.element.dataset.state;
    row.draw();
    const said = aloud[row.state];
    if (said && before !== row.state) this.live.say(`${t.name} ${said}.${t.problem ? ` ${t.problem.text}` : ""}`, row.state);
    this.#later(t, 0);
  }

  #all() {
    for (const t of this.#rows.keys()) this.#stale.add(t);
    this.#draw();
  }

  /** @param {Transfer} t @param {number} wait */
  #later(t, wait) {
    this.#stale.add(t);
    this.#timer ||= window.setTimeout(() => this.#draw(), wait);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const t of this.#stale) this.#rows.get(t)?.draw();
    this.#stale.clear();
    this.#summary();
  }

  /** What is said of all together. */
  #summary() {
    const all = [...this.#rows.keys()];
    this.section.hidden = all.length === 0;
    const counted = all.filter((t) => !["cancelling", "cancelled", "failed", "removing", "needs-file"].includes(t.phase));
    const size = sum(counted.map((t) => t.size)), sent = sum(counted.map((t) => t.sent));
    const working = all.some((t) => t.active) && !this.queue.means.connection.away;
    if (working) this.#rate.look(sent);
    else this.#rate.forget();
    const rate = this.#rate.value();
    const done = all.filter((t) => t.phase === "completed").length;
    const parts = [`${done} of ${count(all.length, "file")} done`];
    if (size > 0 && sent < size) parts.push(`${bytes(sent)} of ${bytes(size)}`);
    if (rate > 0 && sent < size) parts.push(`${bytes(rate)}/s`, `${duration((size - sent) / rate)} left`);
    write(byId("summary"), parts.join(" · "));
    const title = working && size > 0 ? `${Math.floor(sent / size * 100)} % · ${this.title}` : this.title;
    if (document.title !== title) document.title = title;
    const buttons = ["resume-all", "pause-all", "clear"].map(byId), focused = buttons.find((b) => b === document.activeElement);
    byId("clear").hidden = !all.some((t) => t.phase === "completed" || t.phase === "cancelled");
    byId("pause-all").hidden = all.filter((t) => (t.active && t.phase !== "finishing") || t.phase === "waiting").length < 2;
    byId("resume-all").hidden = all.filter(pausedOrSoon).length < 2;
    if (focused?.hidden) (buttons.find((b) => !b.hidden) ?? byId("files")).focus();
  }

  /** @param {Event} event */
  #press(event) {
    const button = /** @type {Element} */ (event.target).closest("button");
    const item = button?.closest("li");
    const t = [...this.#rows].find(([, row]) => row.element === item)?.[0];
    if (!t) return;
    switch (button?.dataset.action) {
      case "pause": return void t.pause();
      case "resume": case "retry": return t.resume();
      case "cancel": return void t.cancel();
      case "remove": return void this.queue.remove(t);
      case "choose": return this.choose(t);
    }
  }

  #clear() {
    this.#each((t) => t.phase === "completed" || t.phase === "cancelled", (t) => void this.queue.remove(t));
    byId("files").focus();
  }

  /** @param {(t: Transfer) => boolean} which @param {(t: Transfer) => void} what */
  #each(which, what) {
    for (const t of [...this.#rows.keys()].reverse()) { // or those that wait would begin as others are paused
      if (which(t)) what(t);
    }
  }
}

/** @param {Transfer} t */
const pausedOrSoon = (t) => t.phase === "paused" || t.phase === "pausing";

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
