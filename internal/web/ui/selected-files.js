// @ts-check
/** @typedef {{file: File, path: string}} SelectedFile path is that of its folders, such as "photos/2026/" */

/** Returns the files of an input. @param {HTMLInputElement} input @returns {SelectedFile[]} */
export function filesOfInput(input) {
  return [...input.files ?? []].map((file) => ({ file, path: file.webkitRelativePath.slice(0, -file.name.length) }));
}

/**
 * Returns the dropped files, with those in dropped folders. It must be called while the event is handled: browsers
 * discard them later.
 * @param {DataTransfer} dropped
 * @returns {Promise<SelectedFile[]>}
 */
export async function filesOfDrop(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry) => entry !== null);
  const files = [...dropped.files];
  if (entries.length === 0) return files.map((file) => ({ file, path: "" }));
  const found = await Promise.all(entries.map((entry) => filesOfEntry(entry, "")));
  return found.flat();
}

/** @param {FileSystemEntry} entry @param {string} path @returns {Promise<SelectedFile[]>} */
async function filesOfEntry(entry, path) {
  if (entry.isFile) {
    const fileEntry = /** @type {FileSystemFileEntry} */ (entry);
    const file = await new Promise((resolve) => fileEntry.file(resolve, () => resolve(null)));
    return file ? [{ file, path }] : []; // unreadable files are skipped
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {SelectedFile[]} */
  const all = [];
  for (;;) { // a reader returns a hundred entries at a time
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (batch.length === 0) return all;
    for (const e of batch) all.push(...await filesOfEntry(e, `${path}${entry.name}/`));
  }
}
