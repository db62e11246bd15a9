// @ts-check
import { copyText } from "./copy.js";
import { downloadCommand, openDownload } from "./download.js";
import { byId, write } from "./elements.js";

/** How long a button says that it has copied, in milliseconds. */
const copiedFor = 2000;

/** @typedef {import("../client/transfer.js").Transfer} Transfer */

/** What the buttons of a row do. */
export class RowActions {
  /**
   * @param {import("./queue.js").Queue} queue
   * @param {import("./live-region.js").LiveRegion} live
   * @param {(t: Transfer) => void} chooseFile opens the file dialog for an upload that is resumed
   * @param {(t: Transfer) => void} redraw draws the row of an upload
   */
  constructor(queue, live, chooseFile, redraw) {
    this.queue = queue;
    this.live = live;
    this.chooseFile = chooseFile;
    this.redraw = redraw;
  }

  /** @param {Transfer} t @param {HTMLElement} button */
  run(t, button) {
    switch (button.dataset.action) {
      case "pause": return void t.pause();
      case "resume": case "retry": return t.resume();
      case "abort": return void t.abort();
      case "dismiss": return void this.queue.remove(t);
      case "choose": return this.chooseFile(t);
      case "delete": return void this.#delete(t);
      case "copy-id": return void this.#copy(t.id, "The id", button);
      case "copy-command": return void this.#copy(downloadCommand(t.id), "The command", button);
      case "download": return void this.#download(t);
    }
  }

  /** @param {Transfer} t */
  async #delete(t) {
    if (!await confirmDelete(t.name)) return;
    await t.abort();
    if (t.phase === "aborted") this.live.announce(`The object of ${t.name} was deleted.`);
  }

  /** @param {Transfer} t */
  async #download(t) {
    const job = await openDownload(this.queue.shared.api, t.id);
    if (!job?.object?.deleted) return;
    t.job = job;
    this.redraw(t);
  }

  /** @param {string} text @param {string} subject of the announcement @param {HTMLElement} button */
  async #copy(text, subject, button) {
    const copied = await copyText(text);
    this.live.announce(copied ? `${subject} was copied.` : `${subject} was not copied: ${text}`);
    const label = button.dataset.label ??= button.textContent ?? "";
    button.textContent = copied ? "Copied" : text; // without permission, the user can select it
    if (copied) setTimeout(() => { button.textContent = label; }, copiedFor);
  }
}

/**
 * Asks whether to delete the object of an upload. It does not wait for the dialog's close event, which may be
 * dispatched after the next question was asked.
 * @param {string} name
 * @returns {Promise<boolean>}
 */
function confirmDelete(name) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("confirm"));
  write(byId("confirm-title"), `Delete ${name}?`);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onsubmit = (event) => resolve(/** @type {HTMLButtonElement} */ (event.submitter).value === "delete");
    dialog.oncancel = () => resolve(false);
  });
}
