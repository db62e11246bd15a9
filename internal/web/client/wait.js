// @ts-check
/**
 * Waits for some milliseconds.
 * @param {number} delay
 * @param {AbortSignal} signal
 * @param {{target: EventTarget, name: string}} [wake] an event that ends the wait early
 * @returns {Promise<void>}
 */
export function sleep(delay, signal, wake) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const end = (/** @type {() => void} */ settle) => () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      wake?.target.removeEventListener(wake.name, done);
      settle();
    };
    const done = end(resolve), stop = end(() => reject(signal.reason));
    const timer = setTimeout(done, delay);
    signal.addEventListener("abort", stop);
    wake?.target.addEventListener(wake.name, done);
  });
}

/**
 * Waits for an event of target.
 * @param {EventTarget} target
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function nextEvent(target, name, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const done = () => { signal.removeEventListener("abort", stop); resolve(); };
    const stop = () => { target.removeEventListener(name, done); reject(signal.reason); };
    target.addEventListener(name, done, { once: true });
    signal.addEventListener("abort", stop, { once: true });
  });
}
