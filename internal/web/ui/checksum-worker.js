// @ts-check
// Hashes slices of files away from the page, so that it stays smooth. One at a time, bit by bit: whatever the file, memory holds a few
// megabytes of it.
import { Checksum } from "./checksum.js";

/** How many bytes are read at a time. Less, and the reading takes longer than the hashing. */
const chunk = 4 << 20;

/** Those that nobody waits for any more. @type {Set<number>} */
const dropped = new Set();
let last = Promise.resolve();

addEventListener("message", ({ data: { id, blob, drop } }) => {
  if (drop) {
    dropped.add(id);
    return;
  }
  last = last.then(() => hash(id, blob)).finally(() => dropped.delete(id));
});

/** @param {number} id @param {Blob} blob */
async function hash(id, blob) {
  const sum = new Checksum();
  try {
    for (let at = 0; at < blob.size; at += chunk) {
      const bytes = await blob.slice(at, at + chunk).arrayBuffer();
      if (dropped.has(id)) return;
      sum.add(new Uint8Array(bytes));
      postMessage({ id, read: bytes.byteLength });
    }
  } catch {
    postMessage({ id, unreadable: true }); // it was changed or removed; browsers tell no more
    return;
  }
  postMessage({ id, sum: sum.value() });
}
