// @ts-check
import { Refusal } from "./failures.js";

/** In milliseconds, like all times here. */
const first = 200, longest = 20_000;
/** How many attempts there are, however long each takes: a part may be large, and the line slow. */
const least = 5;

/**
 * For how long one thing is tried that keeps failing, from its first failure on. Each attempt is followed by a wait of random length,
 * which on average doubles: full jitter, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
 */
export class Patience {
  attempts = 0;
  #until = 0;

  /** @param {number} budget */
  constructor(budget) { this.budget = budget; }

  /**
   * Returns when to try again what failed, or throws it where that would be too late.
   * @param {unknown} failure
   * @param {AbortSignal} signal
   * @param {() => void} [retrying] called if another attempt follows
   */
  async wait(failure, signal, retrying) {
    if (++this.attempts === 1) this.#until = Date.now() + this.budget;
    const asked = failure instanceof Refusal ? failure.after : 0;
    const length = Math.max(asked, Math.random() * Math.min(longest, first * 2 ** Math.min(this.attempts - 1, 10)));
    if (Date.now() + length > this.#until && (this.attempts >= least || length > longest)) throw failure;
    retrying?.();
    await pause(length, signal);
  }
}

/**
 * @param {number} length
 * @param {AbortSignal} signal
 * @param {{target: EventTarget, name: string}} [wake] what ends the pause early
 * @returns {Promise<void>}
 */
export function pause(length, signal, wake) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const end = (/** @type {() => void} */ how) => () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stopped);
      wake?.target.removeEventListener(wake.name, over);
      how();
    };
    const over = end(resolve), stopped = end(() => reject(signal.reason));
    const timer = setTimeout(over, length);
    signal.addEventListener("abort", stopped);
    wake?.target.addEventListener(wake.name, over);
  });
}

/**
 * What an answer asks for, in milliseconds (RFC 9110, section 10.2.3). A date is not looked at, for clocks differ.
 * @param {string | null | undefined} field
 */
export function retryAfter(field) {
  return /^\d+$/.test(field ?? "") ? Math.min(Number(field), 86_400) * 1000 : 0;
}

/** An event of target, once. @param {EventTarget} target @param {string} name @param {AbortSignal} signal @returns {Promise<void>} */
export function next(target, name, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const heard = () => { signal.removeEventListener("abort", stopped); resolve(); };
    const stopped = () => { target.removeEventListener(name, heard); reject(signal.reason); };
    target.addEventListener(name, heard, { once: true });
    signal.addEventListener("abort", stopped, { once: true });
  });
}
