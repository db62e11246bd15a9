// @ts-check
import { ResponseError } from "./errors.js";
import { sleep } from "./wait.js";

/** Delays in milliseconds. */
const baseDelay = 200, maxDelay = 20_000;
/** The fewest attempts, even if the budget is spent: a part may be large, and the connection slow. */
const minAttempts = 5;

/**
 * Waits between attempts, until its budget is spent. The budget begins with the first failure. Delays are random and
 * double on average (full jitter): https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
 */
export class Backoff {
  attempts = 0;
  #deadline = 0;

  /** @param {number} budget in milliseconds */
  constructor(budget) { this.budget = budget; }

  /**
   * Returns when to try again, or throws the error if there is no further attempt.
   * @param {unknown} error
   * @param {AbortSignal} signal
   * @param {() => void} [onRetry] called if another attempt follows
   */
  async wait(error, signal, onRetry) {
    if (++this.attempts === 1) this.#deadline = Date.now() + this.budget;
    const retryAfter = error instanceof ResponseError ? error.retryAfter : 0;
    const longest = Math.min(maxDelay, baseDelay * 2 ** Math.min(this.attempts - 1, 10));
    const delay = Math.max(retryAfter, Math.random() * longest);
    if (Date.now() + delay > this.#deadline && (this.attempts >= minAttempts || delay > maxDelay)) throw error;
    onRetry?.();
    await sleep(delay, signal);
  }
}

/**
 * Returns the delay of a Retry-After header in milliseconds (RFC 9110, section 10.2.3). It ignores dates, because
 * clocks differ.
 * @param {string | null | undefined} value
 */
export function parseRetryAfter(value) {
  return /^\d+$/.test(value ?? "") ? Math.min(Number(value), 86_400) * 1000 : 0;
}
