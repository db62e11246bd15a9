// @ts-check
import { Refusal } from "./failures.js";
import { memory } from "./memory.js";
import { settings } from "./settings.js";
import { bytes, when } from "./words.js";

const most = 20;

/** @type {Record<string, string>} */
const words = { awaiting_upload: "awaited", uploading: "on its way", completed: "done", failed: "failed", aborted: "cancelled", expired: "expired" };

/** @typedef {{id: string, name: string, size?: number, status: string, at: Date, download: boolean}} Recent */

/** The newest imports: of the caller where the service lists them, else of this browser. */
export class Recents {
  #lists = settings.lists;
  #asked = 0;
  #stop = new AbortController();

  /** @param {import("./api.js").API} api */
  constructor(api) {
    this.api = api;
    this.section = /** @type {HTMLElement} */ (document.getElementById("recents"));
    this.list = /** @type {HTMLElement} */ (document.getElementById("recent"));
    this.about = /** @type {HTMLElement} */ (document.getElementById("recent-words"));
    this.template = /** @type {HTMLTemplateElement} */ (document.getElementById("recent-row"));
    this.list.addEventListener("click", (event) => this.#download(event));
  }

  /** Draws what is recent soon, for all who ask in the meantime. @param {number} [wait] in milliseconds */
  refresh(wait = 400) {
    clearTimeout(this.#asked);
    this.#asked = window.setTimeout(() => this.#refresh(), wait);
  }

  async #refresh() {
    this.#stop.abort(new Error("asked anew"));
    const { signal } = this.#stop = new AbortController();
    if (settings.asksKey && !this.api.credential.given) return this.#draw(own());
    try {
      if (this.#lists) return this.#draw(named(await this.api.newest(most, signal)));
    } catch (failure) {
      if (signal.aborted) return;
      this.#lists = !(failure instanceof Refusal && failure.status === 403);
    }
    this.#draw(own());
  }

  /** @param {Recent[]} recent */
  #draw(recent) {
    this.section.hidden = recent.length === 0;
    this.about.textContent = this.#lists && (this.api.credential.given || !settings.asksKey) ? "The newest that the service knows of." : "What this browser uploaded.";
    this.list.replaceChildren(...recent.map((r) => this.#row(r)));
  }

  /** @param {Recent} r */
  #row(r) {
    const row = /** @type {HTMLElement} */ (/** @type {DocumentFragment} */ (this.template.content.cloneNode(true)).firstElementChild);
    row.dataset.id = r.id;
    row.dataset.status = r.status;
    const write = (/** @type {string} */ part, /** @type {string} */ text) => {
      const element = /** @type {HTMLElement} */ (row.querySelector(`.${part}`));
      element.textContent = text;
      element.hidden = text === "";
    };
    write("name", r.name);
    write("status", words[r.status] ?? r.status);
    write("about", [r.size === undefined ? "" : bytes(r.size), when(r.at)].filter(Boolean).join(" · "));
    const link = /** @type {HTMLAnchorElement} */ (row.querySelector(".download"));
    link.hidden = !r.download;
    link.href = `import/${r.id}`;
    link.setAttribute("aria-label", `Download ${r.name}`);
    return row;
  }

  /** A list has no signed URLs, and they end, so each is asked for when it is used. @param {Event} event */
  async #download(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    const id = /** @type {HTMLElement | null | undefined} */ (link?.closest("li"))?.dataset.id;
    if (!link || !id) return;
    event.preventDefault();
    const job = await this.api.read(id, AbortSignal.timeout(30_000)).catch(() => null);
    if (job?.download_url) open(job.download_url, "_blank", "noopener,noreferrer");
    else this.refresh(0);
  }
}

/** An import that was cancelled has lost its name; this browser may still know it. @param {import("./api.js").Job[]} jobs */
function named(jobs) {
  const names = new Map([...memory.ended(), ...memory.unfinished()].map(({ id, name }) => [id, name]));
  return jobs.map((job) => ofJob(job, job.filename ?? names.get(job.id) ?? "without a name"));
}

/** @param {import("./api.js").Job} job @param {string} name @returns {Recent} */
function ofJob(job, name) {
  return {
    id: job.id, name, size: job.size, status: job.status, at: new Date(job.created_at ?? Date.now()),
    download: settings.downloads && job.status === "completed",
  };
}

/** @returns {Recent[]} */
const own = () => memory.ended().map((e) => ({ ...e, at: new Date(e.at), download: settings.downloads && e.status === "completed" }));
