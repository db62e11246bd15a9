// @ts-check
import { settings } from "./settings.js";

/**
 * The lines that upload a file by curl, to be copied.
 * @param {import("./live.js").Live} live
 * @returns {(file: string) => void} suggests a file's name
 */
export function curlLines(live) {
  const name = /** @type {HTMLInputElement} */ (document.getElementById("curl-name"));
  const lines = /** @type {HTMLTextAreaElement} */ (document.getElementById("curl-lines"));
  const button = /** @type {HTMLButtonElement} */ (document.querySelector("button[data-action=copy-curl]"));
  const words = /** @type {HTMLElement} */ (document.getElementById("curl-words"));
  const draw = () => {
    lines.value = linesFor(name.value || name.placeholder);
    words.textContent = "";
  };
  name.addEventListener("input", draw);
  button.addEventListener("click", async () => {
    words.textContent = await copied(lines) ? "Copied." : "The lines are selected: copy them with Ctrl+C.";
    live.say(words.textContent);
  });
  draw();
  return (file) => {
    name.placeholder = file;
    draw();
  };
}

/** @param {string} name */
function linesFor(name) {
  const file = /^-|^\.$/.test(name) ? `./${name}` : name; // which curl takes for something else
  const plain = /[[\]{}]/.test(file) ? " -g" : ""; // or curl takes it for a pattern
  const key = settings.asksKey ? ` -H "x-api-key: $KEY"` : "";
  return [
    ...settings.asksKey ? ["KEY='your API key'"] : [],
    `url=$(curl -fsS -X POST${key} ${quote(new URL("import", document.baseURI).href)} | cut -d '"' -f 4)`,
    `curl -f${plain} --upload-file ${quote(file)} "$url"`,
  ].join("\n");
}

/** For a shell, as it stands. @param {string} text */
const quote = (text) => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** @param {HTMLTextAreaElement} lines @returns {Promise<boolean>} */
async function copied(lines) {
  try {
    await navigator.clipboard.writeText(lines.value);
    return true;
  } catch { // not allowed, or the page came over plain HTTP
    lines.focus();
    lines.select();
    return false;
  }
}
