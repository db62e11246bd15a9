// @ts-check
import { CombinedChecksum } from "./checksum.js";
import { isOpen, waitCompleted } from "./complete.js";
import { ResponseError, isPartLost } from "./errors.js";
import { send } from "./send.js";
import { Signer } from "./signer.js";
import { sleep } from "./wait.js";

/** How many parts of a file are prepared at a time: while some are sent, others are hashed and signed. */
const maxPrepared = 8;
/** The size of parts in bytes, and S3's limit of parts. Small parts lose little when an upload is paused. */
const defaultPartSize = 8 << 20, maxParts = 10_000;
/** How long to wait in ms before lost parts are sent again: SeaweedFS dates parts in seconds, and the newest counts. */
const resendDelay = 1000;
/** How many completions are repeated although no part was sent again. */
const maxIdleRounds = 5;

/** @typedef {import("./transfer.js").Transfer} Transfer */

/**
 * Uploads a file in parts, or the missing parts of a resumed upload.
 * @param {Transfer} t
 * @param {AbortSignal} signal
 */
export async function uploadMultipart(t, signal) {
  const { api } = t.shared;
  if (t.id && !t.compared) {
    const job = await findImport(t, signal);
    if (job && !isOpen(job)) return waitCompleted(t, job, signal);
    if (job && !await compareParts(t, signal)) return waitCompleted(t, await api.read(t.id, signal), signal);
  }
  if (!t.id) {
    t.withChecksum = t.usesChecksum;
    const partSize = Math.max(defaultPartSize, Math.ceil(t.size / maxParts));
    const checksum = t.withChecksum && { checksum: { algorithm: "crc64nvme" } };
    await t.create({ mode: "multipart", part_size: partSize, ...checksum }, signal);
  }
  // Lost parts are sent again, once each. Of parts that two of four nodes have, MinIO shows another random half as lost
  // each time, so there may be several rounds.
  const resent = new Set();
  for (let idle = 0; ;) {
    try {
      return await sendAndComplete(t, signal);
    } catch (error) {
      if (!isPartLost(error)) throw error;
      await sleep(resendDelay, signal);
      const lost = await forgetLostParts(t, signal);
      if (lost.length === 0) idle++;
      if (idle > maxIdleRounds || lost.some((number) => resent.has(number))) throw error;
      for (const number of lost) resent.add(number);
    }
  }
}

/**
 * Forgets the parts that the store does not hold any more, and returns their numbers.
 * @param {Transfer} t @param {AbortSignal} signal
 */
async function forgetLostParts(t, signal) {
  const parts = await t.shared.api.parts(t.id, signal);
  const sizes = new Map(parts.map((part) => [part.part_number, part.size]));
  const numbers = Array.from({ length: countParts(t) }, (_, i) => i + 1);
  const lost = numbers.filter((number) => sizes.get(number) !== slice(t, number).size);
  for (const number of lost) {
    delete t.partChecksums[number - 1];
    t.storedBytes -= slice(t, number).size;
  }
  t.notifyProgress();
  return lost;
}

/** @param {Transfer} t */
function countParts(t) { return Math.max(1, Math.ceil(t.size / t.partSize)); }

/** @param {Transfer} t @param {AbortSignal} signal */
async function sendAndComplete(t, signal) {
  t.setPhase("sending", signal);
  await sendParts(t, signal);
  t.setPhase("finishing", signal);
  const request = t.withChecksum ? { checksum: { algorithm: "crc64nvme", value: combinedChecksum(t) } } : {};
  await waitCompleted(t, await t.shared.api.complete(t.id, request, signal), signal);
}

/** Returns the import to resume, or null. @param {Transfer} t @param {AbortSignal} signal */
async function findImport(t, signal) {
  try {
    const job = await t.shared.api.read(t.id, signal);
    if (job.size === t.size && (job.status === "completed" || isOpen(job) && job.multipart)) {
      t.partSize = job.multipart?.part_size ?? t.partSize;
      t.withChecksum = job.checksum?.algorithm === "crc64nvme";
      return job;
    }
  } catch (error) {
    if (!(error instanceof ResponseError && error.code === "import-not-found")) throw error;
  }
  t.forgetImport();
  return null;
}

/**
 * Finds the uploaded parts that match the file, by their checksums or, from a store that lists none, by ETags that are
 * MD5 sums. Other parts are sent again.
 * @param {Transfer} t @param {AbortSignal} signal
 * @returns {Promise<boolean>} false if the completion of the import is in progress
 */
async function compareParts(t, signal) {
  t.setPhase("hashing", signal);
  t.partChecksums = [];
  t.storedBytes = 0;
  let parts;
  try {
    parts = await t.shared.api.parts(t.id, signal);
  } catch (error) {
    if (error instanceof ResponseError && error.code === "import-completing") return false;
    throw error;
  }
  for (const part of parts) {
    const blob = slice(t, part.part_number);
    if (blob.size !== part.size) continue;
    const sum = t.withChecksum ? await t.shared.hasher.sum(blob, signal) : "";
    const same = part.checksum ? sum === part.checksum
      : await t.shared.hasher.sum(blob, signal, "md5") === part.etag?.replaceAll('"', "");
    if (!same) continue;
    t.partChecksums[part.part_number - 1] = sum;
    t.storedBytes += blob.size;
    t.setNote("Comparing with the uploaded parts");
    t.notifyProgress();
  }
  t.setNote("");
  t.compared = true;
  return true;
}

/** @param {Transfer} t @param {AbortSignal} signal */
async function sendParts(t, signal) {
  const sending = new AbortController(); // the first failure cancels all parts
  const stop = () => sending.abort(signal.reason);
  signal.addEventListener("abort", stop);
  const signer = new Signer(t.shared.api, t.id, sending.signal);
  const count = countParts(t);
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const number = ++next;
      if (t.partChecksums[number - 1] === undefined) await sendPart(t, signer, number, sending.signal);
    }
  };
  await Promise.all(Array.from({ length: maxPrepared }, () => worker().catch((error) => sending.abort(error))));
  signal.removeEventListener("abort", stop);
  sending.signal.throwIfAborted();
}

/** @param {Transfer} t @param {Signer} signer @param {number} number @param {AbortSignal} signal */
async function sendPart(t, signer, number, signal) {
  const blob = slice(t, number);
  const sum = t.withChecksum ? await t.shared.hasher.sum(blob, signal) : "";
  await send(t, { number, blob, sign: () => signer.sign(number, sum) }, signal);
  t.partChecksums[number - 1] = sum;
  t.saveState();
}

/** Returns the bytes of a part, without a type. @param {Transfer} t @param {number} number */
function slice(t, number) {
  const from = (number - 1) * t.partSize;
  return /** @type {Blob} */ (t.file).slice(from, Math.min(from + t.partSize, t.size));
}

/** @param {Transfer} t */
function combinedChecksum(t) {
  const checksum = new CombinedChecksum();
  t.partChecksums.forEach((part, i) => {
    checksum.add(/** @type {string} */ (part), Math.min(t.partSize, t.size - i * t.partSize));
  });
  return checksum.value();
}
