// @ts-check
import { byId, template, write } from "./elements.js";
import { FolderRow } from "./folder-row.js";
import { formatCount, plural } from "./format.js";
import { ListView } from "./list-view.js";
import { Row, stateOf } from "./row.js";
import { RowActions } from "./row-actions.js";
import { Summary } from "./summary.js";
import { Totals } from "./totals.js";

/** How often progress is drawn, in milliseconds. */
const drawInterval = 250;
/** How many rows are in the document at most, and how many are replaced when the user scrolls near their end. */
const maxRows = 200, pageSize = 100;
/** With more uploads, the page announces their end together. */
const maxAnnounced = 20;

/** The announcement of each state. @type {Record<string, string>} */
const announcements = {
  completed: "completed", failed: "failed", aborted: "aborted", paused: "paused", locked: "in another tab",
  "needs-file": "waiting for the file",
};

/** @typedef {import("../client/transfer.js").Transfer} Transfer */

/**
 * The list of uploads and its summary. An event of one upload costs the same for any number of uploads: sums are
 * updated by differences, and only the rows around the visible ones exist.
 */
export class UploadList {
  #totals = new Totals();
  /** @type {Summary} */
  #summary;
  /** @type {RowActions} */
  #actions;
  #view = new ListView(template("folder-row"));
  /** The states that were announced. @type {Map<Transfer, string>} */
  #states = new Map();
  /** The folders and uploads of the view, in order. @type {(FolderRow | Transfer)[]} */
  #items = [];
  /** The first item that is in the document. */
  #start = 0;
  /** The rows in the document. @type {Map<Transfer, Row>} */
  #rows = new Map();
  /** The uploads and folders by their rows. @type {WeakMap<Element, FolderRow | Transfer>} */
  #owners = new WeakMap();
  /** The uploads that changed after the last drawing. @type {Set<Transfer>} */
  #stale = new Set();
  /** @type {Set<FolderRow>} */
  #staleFolders = new Set();
  #itemsStale = false;
  #timer = 0;

  /**
   * @param {import("./queue.js").Queue} queue
   * @param {import("./live-region.js").LiveRegion} live
   * @param {(t: Transfer) => void} chooseFile opens the file dialog for an upload that is resumed
   */
  constructor(queue, live, chooseFile) {
    this.queue = queue;
    this.live = live;
    this.list = byId("uploads");
    this.template = template("row");
    this.#summary = new Summary(this.#totals, queue.shared.connection);
    this.#actions = new RowActions(queue, live, chooseFile, (t) => this.#rows.get(t)?.redraw());
    queue.addEventListener("added", (e) => this.#add(/** @type {CustomEvent<Transfer[]>} */ (e).detail));
    queue.addEventListener("removed", (e) => this.#remove(/** @type {CustomEvent<Transfer>} */ (e).detail));
    for (const source of [queue.shared.connection, queue.shared.credential]) {
      source.addEventListener("change", () => this.#drawAll());
    }
    this.list.addEventListener("click", (e) => this.#click(e));
    this.list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    byId("filters").addEventListener("click", (e) => this.#setFilter(/** @type {Element} */ (e.target)));
    byId("order").addEventListener("change", (e) => {
      this.#view.order = /** @type {HTMLSelectElement} */ (e.target).value;
      this.#showFromStart();
    });
    byId("clear").addEventListener("click", () => this.#clear());
    byId("pause-all").addEventListener("click", () => this.#each(isPausable, (t) => void t.pause()));
    byId("resume-all").addEventListener("click", () => this.#each(isPaused, (t) => t.resume()));
  }

  /** @param {Transfer[]} transfers */
  #add(transfers) {
    for (const t of transfers) {
      this.#states.set(t, stateOf(t));
      this.#count(t);
      t.addEventListener("phase", () => this.#changed(t));
      t.addEventListener("progress", () => this.#drawLater(t, drawInterval));
    }
    const text = transfers.length === 1 ? transfers[0].name : plural(transfers.length, "file");
    this.live.announce(`Added ${text}.`, "added", transfers.length);
    this.#itemsStale = true;
    this.#drawSoon(byId("sending").hidden ? 0 : drawInterval);
  }

  /** @param {Transfer} t */
  #remove(t) {
    this.#totals.remove(t);
    this.#view.remove(t);
    this.#states.delete(t);
    this.#stale.delete(t);
    this.#itemsStale = true;
    this.#drawSoon(0);
  }

  /** @param {Transfer} t */
  #count(t) {
    this.#totals.update(t);
    const folder = this.#view.update(t);
    if (folder) this.#staleFolders.add(folder);
  }

  /** @param {Transfer} t */
  #changed(t) {
    if (!this.#states.has(t)) return;
    this.#count(t);
    this.#rows.get(t)?.draw();
    this.#itemsStale ||= this.#view.dependsOnPhase;
    this.#announce(t);
    this.#drawLater(t, 0);
  }

  /** @param {Transfer} t */
  #announce(t) {
    const before = this.#states.get(t), state = stateOf(t), text = announcements[state];
    this.#states.set(t, state);
    if (!text || before === state) return;
    const { count, inProgress } = this.#totals;
    if (state === "completed" && count > maxAnnounced) {
      if (inProgress > 0) return;
      const failed = this.#totals.in("failed");
      this.live.announce(`${plural(this.#totals.in("completed"), "upload")} completed, ${formatCount(failed)} failed.`);
    } else {
      this.live.announce(`${t.name}: ${text}.${t.problem ? ` ${t.problem.text}` : ""}`, text);
    }
  }

  #drawAll() {
    for (const t of this.#states.keys()) this.#stale.add(t);
    this.#draw();
  }

  /** @param {Transfer} t @param {number} delay */
  #drawLater(t, delay) {
    this.#stale.add(t);
    this.#drawSoon(delay);
  }

  /** @param {number} delay */
  #drawSoon(delay) { this.#timer ||= window.setTimeout(() => this.#draw(), delay); }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const t of this.#stale) {
      if (!this.#states.has(t)) continue;
      this.#count(t);
      this.#rows.get(t)?.draw();
    }
    this.#stale.clear();
    for (const folder of this.#staleFolders) folder.draw();
    this.#staleFolders.clear();
    if (this.#itemsStale) this.#drawItems();
    this.#summary.draw(this.#view.filter);
  }

  /** Makes the document show the first items of the view. */
  #drawItems() {
    this.#itemsStale = false;
    this.#items = this.#view.items(this.#states.keys());
    this.#drawRows();
  }

  #drawRows() {
    this.#start = Math.max(0, Math.min(this.#start, this.#items.length - maxRows));
    const shown = this.#items.slice(this.#start, this.#start + maxRows);
    const elements = shown.map((item) => this.#elementOf(item));
    const wanted = new Set(elements);
    const focused = document.activeElement?.closest("#uploads > li") ?? null;
    let heir = focused; // the row that takes the focus of a removed one
    while (heir && !wanted.has(heir)) heir = heir.nextElementSibling;
    for (const element of [...this.list.children]) {
      if (wanted.has(element)) continue;
      const owner = this.#owners.get(element);
      if (owner && !(owner instanceof FolderRow)) this.#rows.delete(owner);
      element.remove();
    }
    let next = this.list.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.list.insertBefore(element, next);
    }
    if (focused && !focused.contains(document.activeElement)) {
      const row = wanted.has(focused) ? focused : heir ?? this.list.lastElementChild;
      const filter = this.#view.filter === "all" ? null : byId("filters").querySelector("button");
      (focusable(row) ?? filter ?? byId("files")).focus({ preventScroll: row !== null });
    }
    byId("rest").hidden = this.#items.length <= maxRows;
    write(byId("rest"), `Rows ${formatCount(this.#start + 1)} to ${formatCount(this.#start + shown.length)} of ` +
      `${formatCount(this.#items.length)}. Scroll the list for more.`);
    byId("none").hidden = this.#items.length > 0;
  }

  /** @param {FolderRow | Transfer} item @returns {Element} */
  #elementOf(item) {
    if (item instanceof FolderRow) {
      this.#owners.set(item.element, item);
      item.draw();
      return item.element;
    }
    let row = this.#rows.get(item);
    if (!row) {
      row = new Row(item, this.template);
      this.#rows.set(item, row);
      this.#owners.set(row.element, item);
      row.draw();
    }
    row.drawPath(this.#view.filter === "all" && item.path !== "");
    return row.element;
  }

  /** Replaces rows when the user has scrolled near the first or the last one. The visible rows stay in their place. */
  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight, children } = this.list;
    const last = Math.max(0, this.#items.length - maxRows);
    let start = this.#start;
    if (scrollTop + 2 * clientHeight > scrollHeight) start = Math.min(start + pageSize, last);
    else if (scrollTop < clientHeight) start = Math.max(0, start - pageSize);
    if (start === this.#start) return;
    const anchor = /** @type {HTMLElement} */ (children[Math.max(0, start - this.#start)]);
    const before = anchor.offsetTop;
    this.#start = start;
    this.#drawRows();
    this.list.scrollTop = scrollTop + anchor.offsetTop - before;
  }

  #showFromStart() {
    this.#start = 0;
    this.list.scrollTop = 0;
    this.#drawItems();
  }

  /** @param {Element} target */
  #setFilter(target) {
    const button = /** @type {HTMLElement | null} */ (target.closest("button"));
    if (!button) return;
    this.#view.filter = button.dataset.filter ?? "all";
    this.#showFromStart();
    this.#summary.draw(this.#view.filter);
  }

  /** @param {Event} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target), item = target.closest("li");
    const owner = item && this.#owners.get(item);
    const button = /** @type {HTMLElement | null} */ (target.closest("button, a"));
    if (!owner || !button) return;
    if (owner instanceof FolderRow) {
      owner.toggle();
      return this.#drawItems();
    }
    if (button.dataset.action === "download") event.preventDefault();
    this.#actions.run(owner, button);
  }

  #clear() {
    this.#each((t) => t.phase === "completed" || t.phase === "aborted", (t) => void this.queue.remove(t));
    byId("files").focus();
  }

  /** @param {(t: Transfer) => boolean} matches @param {(t: Transfer) => void} action */
  #each(matches, action) {
    // In reverse order, or waiting uploads would start when others are paused.
    for (const t of [...this.#states.keys()].reverse()) {
      if (matches(t)) action(t);
    }
  }
}

/** @param {Transfer} t */
const isPausable = (t) => (t.isActive && t.phase !== "finishing") || t.phase === "waiting";

/** @param {Transfer} t */
const isPaused = (t) => t.phase === "paused" || t.phase === "pausing";

/** Returns the first button of a row, or the row. @param {Element | null} row @returns {HTMLElement | null} */
const focusable = (row) => row?.querySelector("button:not([hidden])") ?? /** @type {HTMLElement | null} */ (row);
