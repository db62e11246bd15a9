// @ts-check
import { ResponseError } from "../client/errors.js";
import { openDownload } from "./download.js";
import { byId, template, write } from "./elements.js";
import { formatBytes, formatDate } from "./format.js";
import { resumeStore } from "./resume-store.js";
import { settings } from "./settings.js";

/** How many imports are listed, and how many of them without a click. */
const maxShown = 20, maxUnfolded = 3;

/**
 * @typedef {{id: string, name: string, path?: string, size?: number, status: string, at: Date,
 *   download: boolean, deleted?: boolean}} RecentImport path is that of its folders, such as "photos/2026/"; deleted
 *   means that the bucket has no object of the completed import any more
 */

/** The list of recent imports: the caller's if the service lists them, otherwise those of this browser. */
export class RecentImports {
  #lists = settings.lists;
  #timer = 0;
  #stop = new AbortController();

  /** @param {import("../client/api.js").API} api @param {import("./credential.js").Credential} credential */
  constructor(api, credential) {
    this.api = api;
    this.credential = credential;
    this.section = byId("recents");
    this.list = byId("recent");
    this.about = byId("recent-words");
    this.template = template("recent-row");
    this.list.addEventListener("click", (event) => this.#download(event));
  }

  /**
   * Loads and draws the list after a delay. Calls during the delay share it.
   * @param {number} [delay] in milliseconds
   */
  refresh(delay = 400) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#refresh(), delay);
  }

  async #refresh() {
    this.#stop.abort(new Error("refreshed again"));
    const { signal } = this.#stop = new AbortController();
    if (settings.requiresKey && !this.credential.isSet) return this.#draw(ofBrowser());
    try {
      if (this.#lists) return this.#draw(ofService(await this.api.list(maxShown, signal)));
    } catch (error) {
      if (signal.aborted) return;
      this.#lists = !(error instanceof ResponseError && error.status === 403);
    }
    this.#draw(ofBrowser());
  }

  /** @param {RecentImport[]} recent */
  #draw(recent) {
    this.section.hidden = recent.length === 0;
    const fromService = this.#lists && (this.credential.isSet || !settings.requiresKey);
    this.about.textContent = fromService ? "Your newest imports on this service." : "Imports from this browser.";
    const rows = recent.map((r) => this.#row(r)), older = rows.splice(maxUnfolded);
    byId("recent-newest").replaceChildren(...rows);
    byId("recent-older").replaceChildren(...older);
    byId("recent-rest").hidden = older.length === 0;
    write(byId("recent-count"), `${older.length} older`);
  }

  /** @param {RecentImport} r */
  #row(r) {
    const fragment = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true));
    const row = /** @type {HTMLElement} */ (fragment.firstElementChild);
    row.dataset.id = r.id;
    row.dataset.status = r.status;
    const write = (/** @type {string} */ part, /** @type {string} */ text) => {
      const element = /** @type {HTMLElement} */ (row.querySelector(`.${part}`));
      element.textContent = text;
      element.hidden = text === "";
    };
    write("path", r.path ?? "");
    write("name", r.name);
    write("status", r.status.replaceAll("_", " ") + (r.deleted ? ", object deleted" : ""));
    write("about", [r.size === undefined ? "" : formatBytes(r.size), formatDate(r.at)].filter(Boolean).join(" · "));
    const link = /** @type {HTMLAnchorElement} */ (row.querySelector(".download"));
    link.hidden = !r.download || r.deleted === true;
    link.href = `import/${r.id}`;
    link.setAttribute("aria-label", `Download ${r.name}`);
    return row;
  }

  /** @param {Event} event */
  async #download(event) {
    const link = /** @type {Element} */ (event.target).closest("a");
    const row = /** @type {HTMLElement | null | undefined} */ (link?.closest("li"));
    const id = row?.dataset.id;
    if (!link || !row || !id) return;
    event.preventDefault();
    const job = await openDownload(this.api, id);
    if (job?.object?.deleted) row.replaceWith(this.#row(ofService([job])[0]));
    else if (!job?.download_url) this.refresh(0);
  }
}

/** An aborted import has no name; the browser may have stored it. @param {import("../client/api.js").Job[]} jobs */
function ofService(jobs) {
  const stored = new Map([...resumeStore.finished(), ...resumeStore.states()].map((upload) => [upload.id, upload]));
  return jobs.map((job) => {
    const { name, path } = namesOf(job) ?? stored.get(job.id) ?? { name: "no name", path: "" };
    return {
      id: job.id, name, path, size: job.size, status: job.status,
      at: new Date(job.created_at ?? Date.now()), download: settings.downloads && job.status === "completed",
      deleted: job.object?.deleted,
    };
  });
}

/** Returns the name and the folders of an import, or null if it declares none. @param {import("../client/api.js").Job} job */
function namesOf({ filename, relative_path: path = "" }) {
  const name = path.slice(path.lastIndexOf("/") + 1) || filename;
  return name ? { name, path: path.slice(0, path.lastIndexOf("/") + 1) } : null;
}

/** @returns {RecentImport[]} */
function ofBrowser() {
  return resumeStore.finished().map((upload) => ({
    ...upload, at: new Date(upload.at), download: settings.downloads && upload.status === "completed",
  }));
}
