// @ts-check
import { fromDrop, fromInput } from "./picked.js";

/** @typedef {import("./picked.js").Picked} Picked */

/**
 * Where files come from: the two inputs, and what is dropped anywhere on the page.
 * @param {(picked: Picked[], meant?: import("./transfer.js").Transfer) => void} take
 * @returns {(t: import("./transfer.js").Transfer) => void} asks for the file of an upload that was begun
 */
export function sources(take) {
  /** @type {import("./transfer.js").Transfer | undefined} */
  let meant;
  const files = /** @type {HTMLInputElement} */ (document.getElementById("files"));
  const folder = /** @type {HTMLInputElement} */ (document.getElementById("folder"));
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      const picked = fromInput(input);
      input.value = ""; // or the same file, chosen again, would be no change
      take(picked, picked.length === 1 && input === files ? meant : undefined);
      meant = undefined;
    });
    input.addEventListener("cancel", () => { meant = undefined; });
  }
  dropping(take);
  return (t) => {
    meant = t;
    files.click();
  };
}

/** @param {(picked: Picked[]) => void} take */
function dropping(take) {
  const zone = /** @type {HTMLElement} */ (document.getElementById("drop"));
  const show = (/** @type {boolean} */ over) => zone.classList.toggle("over", over);
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    show(true);
  });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) show(false); });
  addEventListener("drop", async (event) => {
    show(false);
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // or the browser would open the file in place of the page
    take(await fromDrop(event.dataTransfer));
  });
}
