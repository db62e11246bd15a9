// @ts-check
// Numbers and dates for users. The page is in English.

/** Returns n in binary units, such as "1.5 MiB": the same text as the CLI. @param {number} n */
export function formatBytes(n) {
  if (n < 1024) return `${Math.trunc(n)} B`;
  let value = Math.trunc(n) / 1024, unit = 0;
  for (; value >= 999.5 && unit < 4; unit++) value /= 1024;
  const digits = value >= 99.95 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${"KMGTP"[unit]}iB`;
}

/** @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

const numberFormat = new Intl.NumberFormat("en");

/** Returns n with thousands separators. @param {number} n */
export const formatCount = (n) => numberFormat.format(n);

/** @param {number} n @param {string} noun */
export const plural = (n, noun) => `${formatCount(n)} ${noun}${n === 1 ? "" : "s"}`;

const timeFormat = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
const dateFormat = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

/** @param {Date} date in the past */
export function formatDate(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? `today, ${timeFormat.format(date)}` : dateFormat.format(date);
}
