// @ts-check
// Numbers as people read them. The page is in English.

const units = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} n @returns {string} such as "1.5 MB", with powers of 1000 as file managers have them */
export function bytes(n) {
  let at = 0;
  for (; n >= 999.5 && at < units.length - 1; at++) n /= 1000;
  return `${n >= 100 || at === 0 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** @param {number} n @param {string} one @param {string} [more] */
export const count = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

const near = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
const far = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

/** @param {Date} time of the past */
export function when(time) {
  return time.toDateString() === new Date().toDateString() ? `today, ${near.format(time)}` : far.format(time);
}
