// @ts-check
import { byId, write } from "./elements.js";
import { formatBytes, formatCount, formatDuration, plural } from "./format.js";
import { drawProgress } from "./progress-bar.js";
import { Rate } from "./rate.js";

/** With at least this many uploads, the list can be filtered and sorted. */
const minTools = 5;

/** The sums above the list, its filters, and the title of the page. */
export class Summary {
  #rate = new Rate();
  #title = document.title;

  /** @param {import("./totals.js").Totals} totals @param {import("../client/connection.js").Connection} connection */
  constructor(totals, connection) {
    this.totals = totals;
    this.connection = connection;
  }

  /** @param {string} filter the one that is chosen */
  draw(filter) {
    const { totals } = this, { count, size, stored } = totals;
    byId("sending").hidden = count === 0;
    const working = totals.in("hashing", "sending", "finishing") > 0 && !this.connection.offline;
    if (!working) this.#rate = new Rate();
    write(byId("summary"), this.#text(working ? this.#rate.update(totals.moved) : 0));
    byId("summary").dataset.state = totals.in("completed") === count ? "completed" : "";
    const bar = /** @type {HTMLProgressElement} */ (byId("overall"));
    bar.hidden = totals.inProgress === 0 || count === 1;
    drawProgress(bar, totals, false);
    const title = working && size > 0 ? `${Math.floor(stored / size * 100)} % · ${this.#title}` : this.#title;
    if (document.title !== title) document.title = title;
    this.#drawButtons();
    this.#drawFilters(filter);
  }

  /** @param {number} rate */
  #text(rate) {
    const { totals } = this, { count, size, stored } = totals, failed = totals.in("failed");
    const parts = [`${formatCount(totals.in("completed"))} of ${plural(count, "file")} completed`];
    if (failed > 0) parts.push(`${formatCount(failed)} failed`);
    if (stored < size) parts.push(`${formatBytes(stored)} of ${formatBytes(size)}`);
    if (rate > 0 && stored < size) {
      parts.push(`${formatBytes(rate)}/s`, `${formatDuration((size - stored) / rate)} left`);
    }
    return parts.join(" · ");
  }

  #drawButtons() {
    const { totals } = this, buttons = ["resume-all", "pause-all", "clear"].map(byId);
    const focused = buttons.find((b) => b === document.activeElement);
    byId("clear").hidden = totals.in("completed", "aborted") === 0;
    byId("pause-all").hidden = totals.in("hashing", "sending", "waiting") < 2;
    byId("resume-all").hidden = totals.in("paused", "pausing") < 2;
    if (focused?.hidden) (buttons.find((b) => !b.hidden) ?? byId("files")).focus();
  }

  /** @param {string} chosen */
  #drawFilters(chosen) {
    const { totals } = this;
    /** @type {Record<string, number>} */
    const counts = {
      all: totals.count, "in-progress": totals.inProgress, failed: totals.in("failed"),
      completed: totals.in("completed"),
    };
    byId("tools").hidden = totals.count < minTools && chosen === "all";
    for (const button of byId("filters").querySelectorAll("button")) {
      const filter = button.dataset.filter ?? "";
      button.setAttribute("aria-pressed", String(filter === chosen));
      write(/** @type {HTMLElement} */ (button.querySelector(".count")), formatCount(counts[filter]));
      button.hidden = counts[filter] === 0 && filter !== chosen && filter !== "all" && button !== document.activeElement;
    }
  }
}
