// @ts-check
/**
 * Keeps other tabs from sending the same import. Returns what gives it free again, or null where another tab has it. Over plain HTTP,
 * beyond this machine, browsers have no locks; two tabs then send the same parts, which does no harm.
 * @param {string} id of the import
 * @param {AbortSignal} [signal] waits until it is free, or until this ends
 * @returns {Promise<(() => void) | null>}
 */
export function hold(id, signal) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks.request(nameOf(id), signal ? { signal } : { ifAvailable: true }, (lock) => {
      if (lock) return new Promise((/** @type {(value?: unknown) => void} */ free) => resolve(() => free()));
      resolve(null);
    }).catch(reject);
  });
}

/** The imports that tabs are at. @returns {Promise<(id: string) => boolean>} */
export async function held() {
  const names = new Set((await navigator.locks?.query())?.held?.map((lock) => lock.name));
  return (id) => names.has(nameOf(id));
}

const nameOf = (/** @type {string} */ id) => `signpost-import-${id}`;
