// @ts-check
// A worker that hashes slices of files, one at a time and in chunks: it needs a few megabytes of memory for a file of
// any size.
import { Checksum } from "./checksum.js";

/** The size of one read, in bytes. With smaller chunks, reading takes longer than hashing. */
const chunkSize = 4 << 20;

/** The canceled calls. @type {Set<number>} */
const canceled = new Set();
let last = Promise.resolve();

addEventListener("message", ({ data: { id, blob, cancel } }) => {
  if (cancel) {
    canceled.add(id);
    return;
  }
  last = last.then(() => hash(id, blob)).finally(() => canceled.delete(id));
});

/** @param {number} id @param {Blob} blob */
async function hash(id, blob) {
  const sum = new Checksum();
  try {
    for (let at = 0; at < blob.size; at += chunkSize) {
      const bytes = await blob.slice(at, at + chunkSize).arrayBuffer();
      if (canceled.has(id)) return;
      sum.add(new Uint8Array(bytes));
    }
  } catch {
    postMessage({ id, unreadable: true }); // the file was changed or removed; browsers do not say which
    return;
  }
  postMessage({ id, sum: sum.value() });
}
