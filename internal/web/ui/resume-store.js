// @ts-check
// The resume states and results of uploads in this browser. They contain no key and no signed URL. Each has its own
// entry, so that tabs do not overwrite each other's entries.

/**
 * @typedef {{id: string, name: string, path: string, size: number, lastModified: number, partSize: number,
 *   checksum: string, sent: number, at: number}} ResumeState
 *   partSize is 0 for one request; sent and at, the time of creation, are shown to users
 * @typedef {{id: string, name: string, path?: string, size: number, status: string, at: number}} FinishedUpload
 *   path is missing in those of earlier versions
 */

/** Services below different paths of one host share localStorage: the path keeps their entries apart. */
const scope = `signpost${location.pathname.replace(/\/$/, "")}`;
const statePrefix = `${scope}.unfinished.`, finishedPrefix = `${scope}.ended.`;
/** How long resume states are kept, in milliseconds. By default the service keeps imports for a week. */
const resumeTTL = 30 * 24 * 3_600_000;
/** How many finished uploads are kept. */
const maxFinished = 20;

export const resumeStore = {
  /** Returns the resume states, oldest first. @returns {ResumeState[]} */
  states: () => readAll(statePrefix).filter(({ at }) => Date.now() - at < resumeTTL),
  /** @param {ResumeState} state */
  save: (state) => write(statePrefix + state.id, state),
  /** @param {string} id */
  remove: (id) => remove(statePrefix + id),

  /** Returns the finished uploads, newest first. @returns {FinishedUpload[]} */
  finished: () => readAll(finishedPrefix).reverse(),
  /** Replaces the resume state by the result. @param {FinishedUpload} upload */
  finish(upload) {
    remove(statePrefix + upload.id);
    write(finishedPrefix + upload.id, upload);
    for (const { id } of this.finished().slice(maxFinished)) remove(finishedPrefix + id);
  },
};

/** @param {string} prefix @returns {any[]} */
function readAll(prefix) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    return keys.map(read).filter(Boolean).sort((a, b) => a.at - b.at);
  } catch { // the browser gives pages no storage: uploads are not resumed
    return [];
  }
}

/** @param {string} key */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {object} value */
function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch { /* storage is full or missing: the upload works, but cannot be resumed */ }
}

/** @param {string} key */
function remove(key) {
  try {
    localStorage.removeItem(key);
  } catch { /* there is no storage */ }
}
