// @ts-check
/** @typedef {{file: File, path: string}} Picked a file, and the folders it was in, such as "photos/2026/" */

/** The files of an input. @param {HTMLInputElement} input @returns {Picked[]} */
export function fromInput(input) {
  return [...input.files ?? []].map((file) => ({ file, path: file.webkitRelativePath.slice(0, -file.name.length) }));
}

/**
 * The files that were dropped, those in folders too. Call it while the event is handled: later the browser has forgotten them.
 * @param {DataTransfer} dropped
 * @returns {Promise<Picked[]>}
 */
export async function fromDrop(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  const files = [...dropped.files];
  if (entries.length === 0) return files.map((file) => ({ file, path: "" }));
  const found = await Promise.all(entries.map((entry) => inside(entry, "")));
  return found.flat();
}

/** @param {FileSystemEntry} entry @param {string} path @returns {Promise<Picked[]>} */
async function inside(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, () => resolve(null)));
    return file ? [{ file, path }] : []; // one that cannot be read is not there
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {Picked[]} */
  const all = [];
  for (;;) { // a reader gives a hundred at a time
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return all;
    for (const e of some) all.push(...await inside(e, `${path}${entry.name}/`));
  }
}
