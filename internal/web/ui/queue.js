// @ts-check
import { lockedImports } from "../client/import-lock.js";
import { Scheduler } from "../client/scheduler.js";
import { Transfer } from "../client/transfer.js";
import { resumeStore } from "./resume-store.js";

/** How many files are added before the page may draw. */
const batchSize = 200;

/** @typedef {import("./selected-files.js").SelectedFile} SelectedFile */

/**
 * All uploads of this page, in order. Dispatches "added" and "removed" with the transfers, and "rejected" with a
 * message.
 */
export class Queue extends Scheduler {
  /** @type {Set<Transfer>} */
  all = new Set();
  /** The uploads by their file. @type {Map<string, Transfer>} */
  #byFile = new Map();

  /** @param {import("../client/transfer.js").Shared & {credential: import("./credential.js").Credential}} shared */
  constructor(shared) {
    super();
    this.shared = shared;
  }

  /** Adds the uploads that earlier visits left unfinished. */
  async addUnfinished() {
    const isLocked = await lockedImports();
    const states = resumeStore.states().filter(({ id }) => ![...this.all].some((t) => t.id === id));
    const transfers = states.map((state) => Transfer.fromState(this.shared, state));
    this.#add(transfers);
    for (const t of transfers) {
      if (isLocked(t.id)) void t.waitForLock();
    }
  }

  /**
   * Uploads files, or resumes the uploads that need them.
   * @param {SelectedFile[]} files
   * @param {Transfer} [target] the upload for which the file was selected
   */
  async addFiles(files, target) {
    for (let at = 0; at < files.length; at += batchSize) {
      const batch = files.slice(at, at + batchSize);
      const withoutFile = [...this.all].filter((t) => t.file === null);
      const transfers = batch.map((f) => this.#newTransfer(f, withoutFile, target)).filter((t) => t !== null);
      this.#add(transfers);
      await new Promise((drawn) => setTimeout(drawn));
    }
  }

  /**
   * Returns a new transfer, or null if the file belongs to an upload in the list.
   * @param {SelectedFile} selected
   * @param {Transfer[]} unfinished uploads without a file
   * @param {Transfer} [target]
   */
  #newTransfer({ file, path }, unfinished, target) {
    const withoutFile = unfinished.filter((t) => t.file === null && ["needs-file", "locked"].includes(t.phase));
    const candidates = (target ? [target] : withoutFile).filter((t) => t.matches(file));
    const resumed = candidates.find((t) => t.path === path) ?? candidates[0];
    if (resumed) {
      resumed.setFile(file);
      return null;
    }
    const other = target ?? withoutFile.find((t) => t.name === file.name && t.path === path);
    if (other) {
      this.#reject(other, file);
      return null;
    }
    const same = this.#byFile.get(fileKey(path, file));
    if (same?.file && !same.isFinished) {
      this.dispatchEvent(new CustomEvent("rejected", { detail: `${file.name} is already in the list.` }));
      return null;
    }
    return new Transfer(this.shared, file, path);
  }

  /** Reports that a file is not the one of an upload. @param {Transfer} t @param {File} file */
  #reject(t, file) {
    const length = file.size !== t.size ? "has another size" : "was changed";
    const reason = file.name !== t.name ? "has another name" : length;
    const text = `${file.name} is not the file of this upload: it ${reason}. ` +
      "Choose the original file, or abort this upload first.";
    t.problem = { text, requestId: "" };
    t.notifyProgress();
    this.dispatchEvent(new CustomEvent("rejected", { detail: text }));
  }

  /** @param {Transfer[]} transfers */
  #add(transfers) {
    for (const t of transfers) {
      this.all.add(t);
      this.#byFile.set(fileKey(t.path, t), t);
    }
    if (transfers.length > 0) this.dispatchEvent(new CustomEvent("added", { detail: transfers }));
    for (const t of transfers) this.schedule(t);
  }

  /** @param {Transfer} t */
  async remove(t) {
    await t.remove();
    this.all.delete(t);
    const key = fileKey(t.path, t);
    if (this.#byFile.get(key) === t) this.#byFile.delete(key);
    this.dispatchEvent(new CustomEvent("removed", { detail: t }));
  }
}

/** @param {string} path @param {{name: string, size: number, lastModified: number}} file */
const fileKey = (path, { name, size, lastModified }) => JSON.stringify([path, name, size, lastModified]);
