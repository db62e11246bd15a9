// @ts-check
/** The shortest time between two decreases, in milliseconds. Requests sent together often fail together. */
const decreaseInterval = 1000;

/**
 * Bounds the concurrent requests to the store by additive increase and multiplicative decrease (AIMD): each success
 * raises the limit a little, up to the ceiling, and each overload response halves it. All files share it.
 */
export class Limiter {
  #inUse = 0;
  #decreasedAt = 0;
  /** @type {(() => void)[]} */
  #waiters = [];

  /** @param {number} ceiling */
  constructor(ceiling) {
    this.ceiling = ceiling;
    this.limit = ceiling;
  }

  /**
   * Waits until a request may be sent. Each successful call is followed by release.
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  acquire(signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        this.#waiters = this.#waiters.filter((w) => w !== grant);
        reject(signal.reason);
      };
      const grant = () => {
        signal.removeEventListener("abort", stop);
        this.#inUse++;
        resolve();
      };
      signal.addEventListener("abort", stop);
      this.#waiters.push(grant);
      this.#grantNext();
    });
  }

  release() {
    this.#inUse--;
    this.#grantNext();
  }

  /** Raises the limit after a success. */
  increase() {
    this.limit = Math.min(this.ceiling, this.limit + 1 / this.limit);
  }

  /** Halves the limit after an overload response. */
  decrease() {
    if (Date.now() - this.#decreasedAt < decreaseInterval) return;
    this.limit = Math.max(1, this.limit / 2);
    this.#decreasedAt = Date.now();
  }

  #grantNext() {
    while (this.#waiters.length > 0 && this.#inUse < Math.floor(this.limit)) this.#waiters.shift()?.();
  }
}
