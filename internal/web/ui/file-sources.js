// @ts-check
import { filesOfDrop, filesOfInput } from "./selected-files.js";

/** @typedef {import("./selected-files.js").SelectedFile} SelectedFile */
/** @typedef {import("../client/transfer.js").Transfer} Transfer */

/**
 * Passes selected files to onFiles: from the two inputs, and from drops anywhere on the page.
 * @param {(files: SelectedFile[], target?: Transfer) => void} onFiles
 * @returns {(t: Transfer) => void} opens the file dialog for an upload that is resumed; onFiles receives it as target
 */
export function connectFileSources(onFiles) {
  /** @type {Transfer | undefined} */
  let target;
  const files = /** @type {HTMLInputElement} */ (document.getElementById("files"));
  const folder = /** @type {HTMLInputElement} */ (document.getElementById("folder"));
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      const selected = filesOfInput(input);
      input.value = ""; // otherwise selecting the same file again would be no change
      onFiles(selected, selected.length === 1 && input === files ? target : undefined);
      target = undefined;
    });
    input.addEventListener("cancel", () => { target = undefined; });
  }
  connectDrop(onFiles);
  return (t) => {
    target = t;
    files.click();
  };
}

/** @param {(files: SelectedFile[]) => void} onFiles */
function connectDrop(onFiles) {
  const zone = /** @type {HTMLElement} */ (document.getElementById("drop"));
  const highlight = (/** @type {boolean} */ over) => zone.classList.toggle("over", over);
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    highlight(true);
  });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) highlight(false); });
  addEventListener("drop", async (event) => {
    highlight(false);
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // otherwise the browser would open the file instead of the page
    onFiles(await filesOfDrop(event.dataTransfer));
  });
}
