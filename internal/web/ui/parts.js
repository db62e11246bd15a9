// @ts-check
import { Whole } from "./checksum.js";
import { Refusal } from "./failures.js";
import { finish, open, send } from "./send.js";
import { Signer } from "./signer.js";

/** How many parts of a file are made ready at a time: while some are sent, others are hashed and signed. */
const crowd = 8;

/** @typedef {import("./transfer.js").Transfer} Transfer */

/**
 * Sends a file in parts, or those that are missing of one that was begun.
 * @param {Transfer} t
 * @param {AbortSignal} signal
 */
export async function sendInParts(t, signal) {
  if (t.id && !t.compared) {
    const job = await begun(t, signal);
    if (job && !open(job)) return finish(t, job, signal);
    if (job && !await compare(t, signal)) { // its completion is in progress
      return finish(t, await t.means.api.read(t.id, signal), signal);
    }
  }
  if (!t.id) await create(t, signal);
  t.enter("sending", signal);
  await sendParts(t, signal);
  t.enter("finishing", signal);
  const declared = t.checks ? { checksum: { algorithm: "crc64nvme", value: whole(t) } } : {};
  await finish(t, await t.means.api.complete(t.id, declared, signal), signal);
}

/** The import to go on with, if there is one. @param {Transfer} t @param {AbortSignal} signal */
async function begun(t, signal) {
  try {
    const job = await t.means.api.read(t.id, signal);
    if (job.size === t.size && (job.status === "completed" || open(job) && job.multipart)) {
      t.partSize = job.multipart?.part_size ?? t.partSize;
      t.checks = job.checksum?.algorithm === "crc64nvme";
      return job;
    }
  } catch (failure) {
    if (!(failure instanceof Refusal && failure.code === "import-not-found")) throw failure;
  }
  t.anew();
  return null;
}

/** @param {Transfer} t @param {AbortSignal} signal */
async function create(t, signal) {
  t.checks = t.means.checksums;
  await t.create({ mode: "multipart", ...(t.checks && { checksum: { algorithm: "crc64nvme" } }) }, signal);
}

/**
 * Finds the parts that the store has and that are the file's. What is not, is sent again; so is all where no checksums tell.
 * @param {Transfer} t @param {AbortSignal} signal @returns {Promise<boolean>} false: the import is being completed
 */
async function compare(t, signal) {
  t.enter("hashing", signal);
  t.held = [];
  t.done = 0;
  let parts;
  try {
    parts = await t.means.api.parts(t.id, signal);
  } catch (failure) {
    if (failure instanceof Refusal && failure.code === "import-completing") return false;
    throw failure;
  }
  for (const part of t.checks ? parts : []) {
    const blob = slice(t, part.part_number);
    if (blob.size !== part.size) continue;
    const sum = await t.means.hasher.sum(blob, signal);
    if (sum !== part.checksum) continue;
    t.held[part.part_number - 1] = sum;
    t.done += blob.size;
    t.say("Comparing with what is there already");
    t.progressed();
  }
  t.say("");
  t.compared = true;
  return true;
}

/** @param {Transfer} t @param {AbortSignal} signal */
async function sendParts(t, signal) {
  const failed = new AbortController(); // one part's failure ends the others
  const stop = () => failed.abort(signal.reason);
  signal.addEventListener("abort", stop);
  const signer = new Signer(t.means.api, t.id, failed.signal);
  const count = Math.max(1, Math.ceil(t.size / t.partSize));
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const number = ++next;
      if (t.held[number - 1] === undefined) await sendPart(t, signer, number, failed.signal);
    }
  };
  await Promise.all(Array.from({ length: crowd }, () => lane().catch((failure) => failed.abort(failure))));
  signal.removeEventListener("abort", stop);
  failed.signal.throwIfAborted();
}

/** @param {Transfer} t @param {Signer} signer @param {number} number @param {AbortSignal} signal */
async function sendPart(t, signer, number, signal) {
  const blob = slice(t, number);
  const sum = t.checks ? await t.means.hasher.sum(blob, signal) : "";
  await send(t, { number, blob, sign: () => signer.sign(number, sum) }, signal);
  t.held[number - 1] = sum;
  t.remember();
}

/** A part's bytes, of no type. @param {Transfer} t @param {number} number */
function slice(t, number) {
  const from = (number - 1) * t.partSize;
  return /** @type {File} */ (t.file).slice(from, Math.min(from + t.partSize, t.size));
}

/** The checksum of the file. @param {Transfer} t */
function whole(t) {
  const sum = new Whole();
  t.held.forEach((part, i) => sum.add(/** @type {string} */ (part), Math.min(t.partSize, t.size - i * t.partSize)));
  return sum.value();
}
