// @ts-check
/**
 * Shows bytes: those that the store has in the full color, those of requests in progress in a lighter one.
 * @param {HTMLProgressElement} bar
 * @param {{size: number, stored: number, sent: number}} bytes
 * @param {boolean} isDone which decides for empty files
 */
export function drawProgress(bar, { size, stored, sent }, isDone) {
  bar.value = Math.floor(1000 * (size > 0 ? sent / size : Number(isDone)));
  bar.style.setProperty("--stored", `${sent > 0 ? Math.floor(100 * stored / sent) : 100}%`);
}
