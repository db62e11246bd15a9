// @ts-check
// Numbers and dates for users. The page is in English.

const units = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} n @returns {string} such as "1.5 MB", with powers of 1000 as in file managers */
export function formatBytes(n) {
  let unit = 0;
  for (; n >= 999.5 && unit < units.length - 1; unit++) n /= 1000;
  return `${n >= 100 || unit === 0 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** @param {number} n @param {string} noun */
export const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

const timeFormat = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
const dateFormat = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

/** @param {Date} date in the past */
export function formatDate(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? `today, ${timeFormat.format(date)}` : dateFormat.format(date);
}
