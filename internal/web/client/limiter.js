// @ts-check
/** The most requests to the store at a time: browsers have six connections to a host. */
const maxRequests = 6;
/** The shortest time between two decreases, in milliseconds. Requests sent together often fail together. */
const decreaseInterval = 1000;

/**
 * Bounds the concurrent requests to the store by additive increase and multiplicative decrease (AIMD): each success
 * raises the limit a little, up to a maximum, and each overload response halves it. Their bytes are bounded by a
 * window. All files share it.
 */
export class Limiter {
  limit = maxRequests;
  #inUse = 0;
  #decreasedAt = 0;
  #window = new Window();
  /** @type {(() => void)[]} */
  #waiters = [];

  /**
   * Waits until a request may be sent. Each successful call is followed by release.
   * @param {number} size in bytes
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  acquire(size, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = () => {
        this.#waiters = this.#waiters.filter((w) => w !== grant);
        reject(signal.reason);
      };
      const grant = () => {
        signal.removeEventListener("abort", stop);
        this.#inUse++;
        this.#window.inFlight += size;
        resolve();
      };
      signal.addEventListener("abort", stop);
      this.#waiters.push(grant);
      this.#grantNext();
    });
  }

  /** @param {number} size in bytes */
  release(size) {
    this.#inUse--;
    this.#window.inFlight -= size;
    this.#grantNext();
  }

  /**
   * Raises the limit after a success, and measures it. It must be called before release.
   * @param {number} size in bytes
   * @param {number} begin when the request was sent
   */
  increase(size, begin) {
    this.limit = Math.min(maxRequests, this.limit + 1 / this.limit);
    this.#window.measure(size, begin, performance.now());
  }

  /** Halves the limit after an overload response. */
  decrease() {
    if (Date.now() - this.#decreasedAt < decreaseInterval) return;
    this.limit = Math.max(1, this.limit / 2);
    this.#decreasedAt = Date.now();
  }

  #grantNext() {
    while (this.#waiters.length > 0 && this.#inUse < Math.floor(this.limit) && !this.#window.isFull) {
      this.#waiters.shift()?.();
    }
  }
}

/** The size of a part whose duration is the pace, in bytes. */
const partSize = 8 << 20;
/** The least size of a request that is measured, in bytes. The latency dominates smaller ones. */
const minMeasured = 1 << 20;
/**
 * Paces in milliseconds. Below fastPace requests are added in any case. Above slowPace they are removed, down to
 * targetPace, unless the line is not the limit. A pause waits as long as slowPace for requests in progress.
 */
const fastPace = 2000, targetPace = 4000, slowPace = 5000;
/** The time after which a window that proved too large is tried again, in milliseconds. */
const probeInterval = 60_000;
/** The largest ratio of two paces that are considered equal. */
const sameLine = 1.25;

/**
 * Bounds the bytes of the requests in progress, so that parts on a slow line are completed one after another rather
 * than all at the end. It works like upload/window.go. The pace is the duration of a request; that of more than a part
 * counts in proportion.
 *
 * Requests that share a line slow each other down: their pace grows with the window. A pace that does not grow is that
 * of each connection, as over long distances, and more connections help.
 */
export class Window {
  /** A request begins if fewer bytes are in flight. Two parts fill most lines, and lose little on a slow one. */
  size = 2 * partSize;
  /** The bytes of the requests in progress. */
  inFlight = 0;
  /** The time of the last decrease or probe. Requests that began before are not measured. */
  #since = performance.now();
  /** The least pace since then; 0 means not measured. */
  #best = 0;
  /** The pace that caused the decrease. After a probe it is 1, which allows any increase. */
  #crowded = 0;

  /** Whether another request must wait. One is always allowed. */
  get isFull() { return this.inFlight > 0 && this.inFlight >= this.size; }

  /**
   * Adjusts the window to a successful request.
   * @param {number} size in bytes
   * @param {number} begin when the request was sent
   * @param {number} now
   */
  measure(size, begin, now) {
    if (size < minMeasured || begin < this.#since) return;
    if (this.#best > 0 && now - this.#since > probeInterval) {
      this.#restart(now, 1);
      return;
    }
    const pace = (now - begin) * Math.min(1, partSize / size), target = Math.max(targetPace, this.#best);
    if (this.#best === 0 || pace < this.#best) this.#best = pace;
    const isSteady = pace <= sameLine * this.#best;
    const isGain = this.#crowded === 0 ? pace <= slowPace : this.#crowded <= sameLine * this.#best;
    if (pace <= fastPace || isSteady && isGain) {
      this.size += size;
    } else if (pace > slowPace && this.size > size) {
      this.size = Math.min(this.size - 1, this.inFlight - size, this.inFlight * target / pace); // one request less
      this.#restart(now, pace);
    }
  }

  /** @param {number} now @param {number} crowded */
  #restart(now, crowded) {
    this.#since = now;
    this.#best = 0;
    this.#crowded = crowded;
  }
}
