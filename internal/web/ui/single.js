// @ts-check
import { Over, Refusal } from "./failures.js";
import { finish, open, send } from "./send.js";

/**
 * Sends a file in one request.
 * @param {import("./transfer.js").Transfer} t
 * @param {AbortSignal} signal
 */
export async function sendWhole(t, signal) {
  const { api } = t.means, whole = /** @type {File} */ (t.file).slice(0, t.size); // of no type
  if (!t.id) t.checks = t.means.checksums;
  if (t.checks && !t.sum) t.sum = await t.means.hasher.sum(whole, signal);
  let job = await begun(t, signal);
  if (!job) {
    await t.create({ mode: "single", ...(t.checks && { checksum: { algorithm: "crc64nvme", value: t.sum } }) }, signal);
    job = /** @type {import("./api.js").Job} */ (t.job);
  }
  if (open(job)) {
    t.enter("sending", signal);
    t.done = 0;
    try {
      await send(t, { number: 0, blob: whole, sign: (again) => signed(t, again, signal) }, signal);
    } catch (failure) {
      // A write-once upload whose response was lost is refused the second time. The import says whether it arrived.
      if (!(failure instanceof Refusal && failure.by === "store" && failure.status === 412)) throw failure;
      t.job = await api.read(t.id, signal);
      if (t.job.status !== "completed") throw failure;
    }
  }
  t.enter("finishing", signal);
  await finish(t, await api.read(t.id, signal), signal);
}

/**
 * The request that uploads it. Reading the import signs it anew.
 * @param {import("./transfer.js").Transfer} t
 * @param {boolean} again
 * @param {AbortSignal} signal
 */
async function signed(t, again, signal) {
  if (again || !t.job?.upload) t.job = await t.means.api.read(t.id, signal);
  if (!t.job.upload) throw new Over(t.job.status, t.job.error?.detail);
  return t.job.upload;
}

/** The import to go on with, if it is of the same bytes. @param {import("./transfer.js").Transfer} t @param {AbortSignal} signal */
async function begun(t, signal) {
  if (!t.id) return null;
  try {
    const job = await t.means.api.read(t.id, signal);
    if ((open(job) && job.upload || job.status === "completed") && (job.checksum?.value ?? "") === (t.checks ? t.sum : "")) return t.job = job;
  } catch (failure) {
    if (!(failure instanceof Refusal && failure.code === "import-not-found")) throw failure;
  }
  t.anew();
  return null;
}
