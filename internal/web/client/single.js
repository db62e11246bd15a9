// @ts-check
import { isOpen, waitCompleted } from "./complete.js";
import { NotCompletedError, ResponseError } from "./errors.js";
import { send } from "./send.js";

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** Uploads a file in one request. @param {Transfer} t @param {AbortSignal} signal */
export async function uploadSingle(t, signal) {
  const { api, hasher } = t.shared;
  const blob = /** @type {Blob} */ (t.file).slice(0, t.size); // without a type
  if (!t.id) t.withChecksum = t.usesChecksum;
  if (t.withChecksum && !t.checksum) t.checksum = await hasher.sum(blob, signal);
  let job = await findImport(t, signal);
  if (!job) {
    const checksum = { algorithm: "crc64nvme", value: t.checksum };
    await t.create({ mode: "single", ...(t.withChecksum && { checksum }) }, signal);
    job = /** @type {import("./api.js").Job} */ (t.job);
  }
  if (isOpen(job)) {
    t.setPhase("sending", signal);
    t.storedBytes = 0;
    try {
      await send(t, { number: 0, blob, sign: (renew) => sign(t, renew, signal) }, signal);
    } catch (error) {
      // A write-once upload whose response was lost is rejected when it is retried. The import says whether it arrived.
      if (!(error instanceof ResponseError && error.source === "store" && error.status === 412)) throw error;
      t.job = await api.read(t.id, signal);
      if (t.job.status !== "completed") throw error;
    }
  }
  t.setPhase("finishing", signal);
  await waitCompleted(t, await api.read(t.id, signal), signal);
}

/**
 * Returns the signed request. Reading the import signs a new one.
 * @param {Transfer} t
 * @param {boolean} renew
 * @param {AbortSignal} signal
 */
async function sign(t, renew, signal) {
  if (renew || !t.job?.upload) t.job = await t.shared.api.read(t.id, signal);
  if (!t.job.upload) throw new NotCompletedError(t.job.status, t.job.error?.detail);
  return t.job.upload;
}

/** Returns the import to resume if it has the same content, or null. @param {Transfer} t @param {AbortSignal} signal */
async function findImport(t, signal) {
  if (!t.id) return null;
  try {
    const job = await t.shared.api.read(t.id, signal);
    const declared = job.checksum?.declared ?? job.checksum?.value ?? "";
    const sameChecksum = declared === (t.withChecksum ? t.checksum : "");
    if ((isOpen(job) && job.upload || job.status === "completed") && sameChecksum) return t.job = job;
  } catch (error) {
    if (!(error instanceof ResponseError && error.code === "import-not-found")) throw error;
  }
  t.forgetImport();
  return null;
}
