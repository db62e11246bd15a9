// @ts-check
/** How long after halving another complaint is taken for one about the same crowd, in milliseconds. */
const calm = 1000;

/**
 * Bounds how many requests are under way to the store, all files together: browsers have six connections to a host. It finds out how
 * many the store likes: each success lets in a little more, up to most, and each complaint halves what there may be.
 */
export class Gate {
  #inUse = 0;
  #halved = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} most */
  constructor(most) {
    this.most = most;
    this.limit = most;
  }

  /** Waits for a place. Each is left with leave. @param {AbortSignal} signal @returns {Promise<void>} */
  enter(signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        this.#waiting = this.#waiting.filter((w) => w !== enter);
        reject(signal.reason);
      };
      const enter = () => {
        signal.removeEventListener("abort", stop);
        this.#inUse++;
        resolve();
      };
      signal.addEventListener("abort", stop);
      this.#waiting.push(enter);
      this.#admit();
    });
  }

  leave() {
    this.#inUse--;
    this.#admit();
  }

  /** Lets a little more in. */
  welcome() {
    this.limit = Math.min(this.most, this.limit + 1 / this.limit);
  }

  /** Halves what there may be: the store said that it is too much. */
  complain() {
    if (Date.now() - this.#halved < calm) return;
    this.limit = Math.max(1, this.limit / 2);
    this.#halved = Date.now();
  }

  #admit() {
    while (this.#waiting.length > 0 && this.#inUse < Math.floor(this.limit)) this.#waiting.shift()?.();
  }
}
