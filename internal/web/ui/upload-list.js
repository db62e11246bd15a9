// @ts-check
import { formatBytes, formatDuration, plural } from "./format.js";
import { Rate } from "./rate.js";
import { Row } from "./row.js";

/** How often progress is drawn, in milliseconds. */
const drawInterval = 250;

/** The announcement of each state. @type {Record<string, string>} */
const announcements = {
  completed: "completed", failed: "failed", aborted: "aborted", paused: "paused", locked: "in another tab",
  "needs-file": "waiting for the file",
};

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** The list of uploads and its summary. */
export class UploadList {
  /** @type {Map<Transfer, Row>} */
  #rows = new Map();
  /** The transfers whose rows are out of date. @type {Set<Transfer>} */
  #stale = new Set();
  #rate = new Rate();
  #timer = 0;

  /**
   * @param {import("./queue.js").Queue} queue
   * @param {import("./live-region.js").LiveRegion} live
   * @param {(t: Transfer) => void} chooseFile opens the file dialog for an upload that is resumed
   */
  constructor(queue, live, chooseFile) {
    this.queue = queue;
    this.live = live;
    this.chooseFile = chooseFile;
    this.section = byId("sending");
    this.list = byId("uploads");
    this.template = /** @type {HTMLTemplateElement} */ (byId("row"));
    this.title = document.title;
    queue.addEventListener("added", (e) => this.#add(/** @type {CustomEvent<Transfer[]>} */ (e).detail));
    queue.addEventListener("removed", (e) => this.#remove(/** @type {CustomEvent<Transfer>} */ (e).detail));
    for (const source of [queue.shared.connection, queue.shared.credential]) {
      source.addEventListener("change", () => this.#drawAll());
    }
    this.list.addEventListener("click", (e) => this.#click(e));
    byId("clear").addEventListener("click", () => this.#clear());
    byId("pause-all").addEventListener("click", () => this.#each(isPausable, (t) => void t.pause()));
    byId("resume-all").addEventListener("click", () => this.#each(isPaused, (t) => t.resume()));
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
      t.addEventListener("progress", () => this.#drawLater(t, drawInterval));
    }
    this.list.append(rows);
    this.live.announce(`Added ${transfers.length === 1 ? transfers[0].name : plural(transfers.length, "file")}.`);
    this.#drawSummary();
  }

  /** @param {Transfer} t */
  #remove(t) {
    const row = this.#rows.get(t);
    const focused = row?.element.contains(document.activeElement);
    const neighbor = row?.element.nextElementSibling ?? row?.element.previousElementSibling;
    if (t.phase === "removing") this.live.announce(`Removed ${t.name}.`);
    this.#rows.delete(t);
    this.#stale.delete(t);
    row?.element.remove();
    const button = /** @type {HTMLElement | null | undefined} */ (neighbor?.querySelector("button:not([hidden])"));
    if (focused) (button ?? byId("files")).focus();
    this.#drawSummary();
  }

  /** @param {Transfer} t */
  #changed(t) {
    const row = this.#rows.get(t);
    if (!row) return;
    const before = row.element.dataset.state;
    row.draw();
    const text = announcements[row.state];
    if (text && before !== row.state) {
      this.live.announce(`${t.name}: ${text}.${t.problem ? ` ${t.problem.text}` : ""}`, text);
    }
    this.#drawLater(t, 0);
  }

  #drawAll() {
    for (const t of this.#rows.keys()) this.#stale.add(t);
    this.#draw();
  }

  /** @param {Transfer} t @param {number} delay */
  #drawLater(t, delay) {
    this.#stale.add(t);
    this.#timer ||= window.setTimeout(() => this.#draw(), delay);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const t of this.#stale) this.#rows.get(t)?.draw();
    this.#stale.clear();
    this.#drawSummary();
  }

  #drawSummary() {
    const all = [...this.#rows.keys()];
    this.section.hidden = all.length === 0;
    const excluded = ["aborting", "aborted", "failed", "removing", "needs-file"];
    const counted = all.filter((t) => !excluded.includes(t.phase));
    const size = sum(counted.map((t) => t.size)), sent = sum(counted.map((t) => t.sentBytes));
    const working = all.some((t) => t.isActive) && !this.queue.shared.connection.offline;
    if (working) this.#rate.add(sent);
    else this.#rate.reset();
    const rate = this.#rate.value();
    const done = all.filter((t) => t.phase === "completed").length;
    const parts = [`${done} of ${plural(all.length, "file")} completed`];
    if (size > 0 && sent < size) parts.push(`${formatBytes(sent)} of ${formatBytes(size)}`);
    if (rate > 0 && sent < size) parts.push(`${formatBytes(rate)}/s`, `${formatDuration((size - sent) / rate)} left`);
    write(byId("summary"), parts.join(" · "));
    const title = working && size > 0 ? `${Math.floor(sent / size * 100)} % · ${this.title}` : this.title;
    if (document.title !== title) document.title = title;
    const buttons = ["resume-all", "pause-all", "clear"].map(byId);
    const focused = buttons.find((b) => b === document.activeElement);
    byId("clear").hidden = !all.some((t) => t.phase === "completed" || t.phase === "aborted");
    byId("pause-all").hidden = all.filter(isPausable).length < 2;
    byId("resume-all").hidden = all.filter(isPaused).length < 2;
    if (focused?.hidden) (buttons.find((b) => !b.hidden) ?? byId("files")).focus();
  }

  /** @param {Event} event */
  #click(event) {
    const button = /** @type {Element} */ (event.target).closest("button");
    const item = button?.closest("li");
    const t = [...this.#rows].find(([, row]) => row.element === item)?.[0];
    if (!t) return;
    switch (button?.dataset.action) {
      case "pause": return void t.pause();
      case "resume": case "retry": return t.resume();
      case "abort": return void t.abort();
      case "remove": return void this.queue.remove(t);
      case "choose": return this.chooseFile(t);
    }
  }

  #clear() {
    this.#each((t) => t.phase === "completed" || t.phase === "aborted", (t) => void this.queue.remove(t));
    byId("files").focus();
  }

  /** @param {(t: Transfer) => boolean} matches @param {(t: Transfer) => void} action */
  #each(matches, action) {
    // In reverse order, or waiting uploads would start when others are paused.
    for (const t of [...this.#rows.keys()].reverse()) {
      if (matches(t)) action(t);
    }
  }
}

/** @param {Transfer} t */
const isPausable = (t) => (t.isActive && t.phase !== "finishing") || t.phase === "waiting";

/** @param {Transfer} t */
const isPaused = (t) => t.phase === "paused" || t.phase === "pausing";

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
