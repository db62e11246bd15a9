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

/** How long resume states are kept, in milliseconds. By default the service keeps imports for a week. */
const resumeTTL = 30 * 24 * 3_600_000;
/** How many finished uploads are kept. */
const maxFinished = 20;

/** The uploads to a service, in localStorage. */
export class ResumeStore {
  /** @param {string} scope the beginning of all keys, which keeps the entries of services apart */
  constructor(scope) {
    this.statePrefix = `${scope}.unfinished.`;
    this.finishedPrefix = `${scope}.ended.`;
  }

  /** Returns the resume states, oldest first. @returns {ResumeState[]} */
  states() { return readAll(this.statePrefix).filter(({ at }) => Date.now() - at < resumeTTL); }

  /** @param {ResumeState} state */
  save(state) { write(this.statePrefix + state.id, state); }

  /** @param {string} id */
  remove(id) { remove(this.statePrefix + id); }

  /** Returns the finished uploads, newest first. @returns {FinishedUpload[]} */
  finished() { return readAll(this.finishedPrefix).reverse(); }

  /** Replaces the resume state by the result. @param {FinishedUpload} upload */
  finish(upload) {
    this.remove(upload.id);
    write(this.finishedPrefix + upload.id, upload);
    for (const { id } of this.finished().slice(maxFinished)) remove(this.finishedPrefix + id);
  }
}

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
