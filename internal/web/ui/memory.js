// @ts-check
// What this browser remembers: uploads that are not finished, and what became of those that are. No key and no signed URL is in it.
// Each has an entry of its own, so that tabs do not overwrite each other's.

/**
 * @typedef {{id: string, name: string, path: string, size: number, lastModified: number, partSize: number, checksum: string, sent: number, at: number}} Unfinished
 *   partSize is 0 for one request; sent and at, when it was begun, are for people
 * @typedef {{id: string, name: string, size: number, status: string, at: number}} Ended
 */

/** Services below different paths of one host share localStorage: the path keeps their entries apart. */
const scope = `signpost${location.pathname.replace(/\/$/, "")}`;
const unfinished = `${scope}.unfinished.`, ended = `${scope}.ended.`;
/** For how long an upload is remembered, in milliseconds. The service keeps its own imports for a week, unless it is told otherwise. */
const forgotten = 30 * 24 * 3_600_000;
/** How many that ended. */
const most = 20;

export const memory = {
  /** @returns {Unfinished[]} the oldest first */
  unfinished: () => all(unfinished).filter(({ at }) => Date.now() - at < forgotten),
  /** @param {Unfinished} upload */
  remember: (upload) => write(unfinished + upload.id, upload),
  /** @param {string} id */
  forget: (id) => drop(unfinished + id),

  /** @returns {Ended[]} the newest first */
  ended: () => all(ended).reverse(),
  /** @param {Ended} upload */
  end(upload) {
    drop(unfinished + upload.id);
    write(ended + upload.id, upload);
    for (const { id } of this.ended().slice(most)) drop(ended + id);
  },
  /** @param {string} id */
  forgetEnded: (id) => drop(ended + id),
};

/** @param {string} prefix @returns {any[]} */
function all(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix)).map(read).filter(Boolean).sort((a, b) => a.at - b.at);
  } catch { // the browser gives pages no storage: nothing is remembered
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
  } catch { /* full, or none given: it is uploaded all the same */ }
}

/** @param {string} key */
function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch { /* there is none */ }
}
