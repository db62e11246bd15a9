// @ts-check
/**
 * Locks an import, so that other tabs do not send it. Returns a function that unlocks it, or null if another tab holds
 * the lock. Browsers have no locks over plain HTTP from other machines; two tabs then send the same parts, which does
 * no harm.
 * @param {string} id of the import
 * @param {AbortSignal} [signal] waits until the lock is free or signal is aborted
 * @returns {Promise<(() => void) | null>}
 */
export function lockImport(id, signal) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks.request(lockName(id), signal ? { signal } : { ifAvailable: true }, (lock) => {
      if (lock) return new Promise((/** @type {(value?: unknown) => void} */ unlock) => resolve(() => unlock()));
      resolve(null);
    }).catch(reject);
  });
}

/**
 * Returns a function that reports whether any tab held the lock of an import.
 * @returns {Promise<(id: string) => boolean>}
 */
export async function lockedImports() {
  const names = new Set((await navigator.locks?.query())?.held?.map((lock) => lock.name));
  return (id) => names.has(lockName(id));
}

const lockName = (/** @type {string} */ id) => `signpost-import-${id}`;
