// @ts-check
import { NoAnswer, Over, Refusal, Unreadable, outdated, overloaded, temporary } from "./failures.js";
import { Patience, pause } from "./patience.js";
import { put } from "./put.js";

/**
 * How long one request is tried without success, in milliseconds; and before the store has answered this page at all, when it may never.
 */
const patienceForParts = 30 * 60_000, patienceAtFirst = 15_000;
/** How often other bytes may come to the store than were hashed, though the file is the same. */
const garbledAtMost = 4;
/**
 * In milliseconds: the shortest time between reads of an import, each of which should have waited, and the longest, for a service that
 * answers at once.
 */
const lookEvery = 1000, lookSeldom = 8000;

/**
 * @typedef {import("./transfer.js").Transfer} Transfer
 * @typedef {{number: number, blob: Blob, sign: (again: boolean) => Promise<import("./api.js").SignedRequest>}} Piece
 *   a part, or with number 0 a whole file; again: the store refused what was signed before
 */

/**
 * Sends a piece until the store has it. A request that was signed once is used until the store refuses it.
 * @param {Transfer} t @param {Piece} piece @param {AbortSignal} signal
 */
export async function send(t, piece, signal) {
  const { gate, connection } = t.means;
  const permit = new Permit(piece);
  await permit.request(); // before there is a place, together with other parts
  let patience = new Patience(patienceForParts), renewed = false;
  for (;;) {
    try {
      await attempt(t, piece, permit, signal);
      t.say("");
      return;
    } catch (failure) {
      signal.throwIfAborted();
      await readable(piece.blob); // a file that was changed looks like a lost connection
      if (overloaded(failure)) gate.complain();
      if (failure instanceof NoAnswer && !await connection.check()) {
        await connection.back(signal);
        patience = new Patience(patienceForParts);
        continue;
      }
      // A store that tells a page why it refuses does so by its CORS rules, and some refuse before they look at those.
      if (outdated(failure) || failure instanceof NoAnswer) permit.spend();
      const renew = outdated(failure);
      const garbled = failure instanceof Refusal && /^(BadDigest|XAmzContentChecksumMismatch)$/.test(failure.code) && patience.attempts < garbledAtMost;
      if (!(renew && !renewed) && !garbled && !temporary(failure)) throw failure;
      renewed = renew;
      if (!t.means.storeAnswered) patience.budget = patienceAtFirst;
      const why = failure instanceof NoAnswer ? "The store does not answer; trying again" : "The store is busy; trying again";
      await patience.wait(failure, signal, () => t.say(why));
    }
  }
}

/** A signed request, for as long as it is of use. */
class Permit {
  /** @type {import("./api.js").SignedRequest | null} */
  #signed = null;
  #until = 0;
  #spent = false;

  /** @param {Piece} piece */
  constructor(piece) { this.piece = piece; }

  /** It is of no use any more. */
  spend() { this.#spent = true; }

  /** The request, signed anew where the one before is spent or about to end. */
  async request() {
    if (this.#signed && !this.#spent && performance.now() < this.#until) return this.#signed;
    const before = performance.now();
    this.#signed = await this.piece.sign(this.#signed !== null);
    this.#spent = false;
    const life = Number(new URL(this.#signed.url).searchParams.get("X-Amz-Expires")) || Infinity; // seconds, by the store's clock
    this.#until = before + life * 900; // a little before, for a request takes a while to get there
    return this.#signed;
  }
}

/** @param {Transfer} t @param {Piece} piece @param {Permit} permit @param {AbortSignal} signal */
async function attempt(t, piece, permit, signal) {
  const { gate, connection } = t.means;
  await gate.enter(signal);
  try {
    await put(await permit.request(), piece.blob, signal, (bytes) => t.moved(piece.number, bytes));
    t.done += piece.blob.size;
    t.means.storeAnswered = true;
    t.means.checksumsTaken ||= t.checks;
    gate.welcome();
    connection.answered();
  } catch (failure) {
    if (failure instanceof Refusal) t.means.storeAnswered = true;
    throw failure;
  } finally {
    t.moved(piece.number, 0);
    gate.leave();
  }
}

/** Throws Unreadable where a slice of a file can no longer be read. @param {Blob} blob */
async function readable(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new Unreadable();
  }
}

/**
 * Waits until an import has ended, as it does once the store has all of it, or until its completion has failed. The
 * service continues a completion without further calls. Another call would have some stores copy all parts again.
 * @param {Transfer} t
 * @param {import("./api.js").Job} job
 * @param {AbortSignal} signal
 */
export async function finish(t, job, signal) {
  let every = lookEvery;
  while (open(job)) {
    if (job.error) throw new Refusal({ by: "service", status: 0, code: job.error.code, detail: job.error.detail });
    const looked = Date.now();
    job = await t.means.api.news(t.id, signal);
    const took = Date.now() - looked;
    if (open(job) && !job.error) await pause(Math.max(0, every - took), signal);
    every = took < lookSeldom ? Math.min(2 * every, lookSeldom) : lookEvery;
  }
  if (job.status !== "completed") throw new Over(job.status, job.error?.detail);
  t.complete(job);
}

/** Whether more is expected to arrive. @param {import("./api.js").Job} job */
export const open = (job) => job.status === "awaiting_upload" || job.status === "uploading";
