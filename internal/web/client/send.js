// @ts-check
import {
  FileChangedError, NoResponseError, ResponseError, isChecksumMismatch, isOverload, isSignatureExpired, isTemporary,
} from "./errors.js";
import { put } from "./put.js";
import { Backoff } from "./retry.js";

/**
 * How long a failing part is retried, in milliseconds; and before the store has responded at all, when it may never do
 * so.
 */
const partRetryBudget = 30 * 60_000, firstRetryBudget = 15_000;
/** How often a part is sent that the store received with other bytes than were hashed, though the file is unchanged. */
const maxChecksumAttempts = 4;

/**
 * @typedef {import("./api.js").SignedRequest} SignedRequest
 * @typedef {import("./transfer.js").Transfer} Transfer
 * @typedef {{number: number, blob: Blob, sign: (renew: boolean) => Promise<SignedRequest>}} Part
 *   number is 0 for a whole file; renew is set if there was a signed request before
 */

/**
 * Sends a part and retries until the store has it. A signed request is reused until it expires or the store rejects it.
 * @param {Transfer} t @param {Part} part @param {AbortSignal} signal
 */
export async function send(t, part, signal) {
  const { limiter, connection } = t.shared;
  const signature = new Signature(part);
  await signature.get(); // before the limiter, so that many parts are signed together
  let backoff = new Backoff(partRetryBudget), renewed = false;
  for (;;) {
    try {
      await attempt(t, part, signature, signal);
      t.setNote("");
      return;
    } catch (error) {
      signal.throwIfAborted();
      await checkReadable(part.blob); // a changed file looks like a lost connection
      if (isOverload(error)) limiter.decrease();
      if (error instanceof NoResponseError && !await connection.check()) {
        await connection.waitOnline(signal);
        backoff = new Backoff(partRetryBudget);
        continue;
      }
      // Some stores send no CORS headers with a rejection, so the page cannot read it.
      if (isSignatureExpired(error) || error instanceof NoResponseError) signature.invalidate();
      const renew = isSignatureExpired(error);
      const corrupted = isChecksumMismatch(error) && backoff.attempts < maxChecksumAttempts;
      if (!(renew && !renewed) && !corrupted && !isTemporary(error)) throw error;
      renewed = renew;
      if (!t.shared.flags.storeResponded) backoff.budget = firstRetryBudget;
      const reason = error instanceof NoResponseError ? "The store does not respond" : "The store is busy";
      await backoff.wait(error, signal, () => t.setNote(`${reason}: retrying`));
    }
  }
}

/** Keeps the signed request of a part until it expires or the store rejects it. */
class Signature {
  /** @type {SignedRequest | null} */
  #request = null;
  #expiresAt = 0;

  /** @param {Part} part */
  constructor(part) { this.part = part; }

  invalidate() { this.#expiresAt = 0; }

  /** Returns a signed request that is valid for a while. */
  async get() {
    const now = performance.now();
    if (this.#request && now < this.#expiresAt) return this.#request;
    this.#request = await this.part.sign(this.#request !== null);
    const seconds = Number(new URL(this.#request.url).searchParams.get("X-Amz-Expires")) || Infinity;
    this.#expiresAt = now + seconds * 900; // 10 % earlier, because the request takes time to arrive
    return this.#request;
  }
}

/** @param {Transfer} t @param {Part} part @param {Signature} signature @param {AbortSignal} signal */
async function attempt(t, part, signature, signal) {
  const { limiter, connection } = t.shared;
  await limiter.acquire(part.blob.size, signal);
  const begin = performance.now();
  try {
    await put(await signature.get(), part.blob, signal, (bytes) => t.setInFlight(part.number, bytes));
    t.storedBytes += part.blob.size;
    t.movedBytes += part.blob.size;
    t.shared.flags.storeResponded = true;
    t.shared.flags.checksumsSupported ||= t.withChecksum;
    limiter.increase(part.blob.size, begin);
    connection.recordResponse();
  } catch (error) {
    if (error instanceof ResponseError) t.shared.flags.storeResponded = true;
    throw error;
  } finally {
    t.setInFlight(part.number, 0);
    limiter.release(part.blob.size);
  }
}

/** Throws FileChangedError if a slice of a file can no longer be read. @param {Blob} blob */
async function checkReadable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new FileChangedError();
  }
}
