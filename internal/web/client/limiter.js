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
/** The time after which more requests are tried again, in milliseconds. */
const probeInterval = 60_000;
/**
 * The least n for which requests share a line, if the pace grows as the n-th power of the load. It is 1 if only the line
 * limits them, and 0 if each has its own limit.
 */
const sharedLine = 0.6;
/** The least ratios of loads and paces that are considered different. */
const otherLoad = 1.3, otherPace = 1.4;

/**
 * Bounds the bytes of the requests in progress, so that parts on a slow line are completed one after another rather
 * than all at the end. It works like internal/upload/window.go. The pace is the duration of a request; that of more than
 * a part counts in proportion.
 *
 * Requests that share a line slow each other down: their pace grows with the load. A pace that does not grow is that of
 * each connection, as over long distances, and more connections help. Single paces vary, so the window compares the
 * means of as many requests as are in progress.
 */
export class Window {
  /** A request begins if fewer bytes are in flight. Two parts fill most lines, and lose little on a slow one. */
  size = 2 * partSize;
  /** The bytes of the requests in progress. */
  inFlight = 0;
  /** When the present sample began. Requests that began before are not measured. */
  #since;
  /** When the last sample that changed the size ended. */
  #changed = -Infinity;
  /** The number of requests in the sample, and the sum of their paces. */
  #count = 0;
  #paces = 0;
  /** The most bytes in flight in the sample. */
  #load = 0;
  /** The load and the mean pace of the last sample; 0 if there is none. */
  #last = { load: 0, pace: 0 };

  /** @param {number} now */
  constructor(now = performance.now()) {
    this.#since = now;
  }

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
    const pace = (now - begin) * Math.min(1, partSize / size);
    if (pace <= fastPace) {
      this.size += size;
      this.#restart({ load: 0, pace: 0 });
      return;
    }
    this.#count++;
    this.#load = Math.max(this.#load, this.inFlight);
    this.#paces += pace;
    if (this.#count < 2 || this.#count * size < Math.min(this.size, this.inFlight)) return;
    const sample = { load: this.#load, pace: this.#paces / this.#count };
    this.#adjust(sample, size, now);
    this.#restart(sample);
    this.#since = now;
  }

  /** @param {{load: number, pace: number}} last */
  #restart(last) {
    this.#count = this.#paces = this.#load = 0;
    this.#last = last;
  }

  /**
   * Changes the size after a sample of requests of about this size.
   * @param {{load: number, pace: number}} sample
   * @param {number} size
   * @param {number} now
   */
  #adjust({ load, pace }, size, now) {
    const last = this.#last, growth = Math.log(load / last.load);
    const isCompared = last.load > 0 && Math.abs(growth) > Math.log(otherLoad);
    let next = 2 * load;
    if (isCompared && Math.log(pace / last.pace) / growth >= sharedLine) {
      next = Math.min(load, load * targetPace / pace);
      if (growth > 0 && last.pace > targetPace) next = Math.max(next, last.load); // each connection is that slow
    } else if (!isCompared && pace > slowPace && pace > otherPace * last.pace) {
      if (load > size) next = load / 2; // fewer requests show whether they share the line, and otherwise two
    } else if (!isCompared && now - this.#changed <= probeInterval) {
      return;
    }
    this.size = Math.trunc(next);
    this.#changed = now;
  }
}
