// @ts-check
import { NotCompletedError, ResponseError } from "./errors.js";
import { sleep } from "./wait.js";

/**
 * The shortest time between reads of an import, in milliseconds, and the longest one, which applies to services that
 * respond at once.
 */
const minPollInterval = 1000, maxPollInterval = 8000;

/**
 * Waits until an import is completed, which the service does without further calls once the store has all data. It does
 * not call complete again, because some stores would then copy all parts again.
 * @param {import("./transfer.js").Transfer} t
 * @param {import("./api.js").Job} job
 * @param {AbortSignal} signal
 */
export async function waitCompleted(t, job, signal) {
  let interval = minPollInterval;
  while (isOpen(job)) {
    if (job.error) {
      throw new ResponseError({ source: "service", status: 0, code: job.error.code, detail: job.error.detail });
    }
    const start = Date.now();
    job = await t.shared.api.watch(t.id, signal);
    const elapsed = Date.now() - start;
    if (isOpen(job) && !job.error) await sleep(Math.max(0, interval - elapsed), signal);
    interval = elapsed < maxPollInterval ? Math.min(2 * interval, maxPollInterval) : minPollInterval;
  }
  if (job.status !== "completed") throw new NotCompletedError(job.status, job.error?.detail);
  t.complete(job);
}

/** Reports whether an import has no terminal status. @param {import("./api.js").Job} job */
export const isOpen = (job) => job.status === "awaiting_upload" || job.status === "uploading";
