// @ts-check
import { copyText, quote } from "./copy.js";
import { settings } from "./settings.js";

/**
 * Shows the commands that upload a file with curl.
 * @param {import("./live-region.js").LiveRegion} live
 * @returns {(file: string) => void} sets the name of the file
 */
export function showCurlCommand(live) {
  const name = /** @type {HTMLInputElement} */ (document.getElementById("curl-name"));
  const lines = /** @type {HTMLTextAreaElement} */ (document.getElementById("curl-lines"));
  const button = /** @type {HTMLButtonElement} */ (document.querySelector("button[data-action=copy-curl]"));
  const result = /** @type {HTMLElement} */ (document.getElementById("curl-words"));
  const draw = () => {
    lines.value = commandsFor(name.value || name.placeholder);
    result.textContent = "";
  };
  name.addEventListener("input", draw);
  button.addEventListener("click", async () => {
    result.textContent = await copy(lines) ? "Copied." :
      "Not copied. The commands are selected: press Ctrl+C or Cmd+C.";
    live.announce(result.textContent);
  });
  draw();
  return (file) => {
    name.placeholder = file;
    draw();
  };
}

/** @param {string} name */
function commandsFor(name) {
  const file = /^-|^\.$/.test(name) ? `./${name}` : name; // - and . have other meanings in curl
  const globOff = /[[\]{}]/.test(file) ? " -g" : ""; // otherwise curl expands brackets and braces
  const key = settings.requiresKey ? ` -H "x-api-key: $KEY"` : "";
  return [
    ...settings.requiresKey ? ["KEY='your API key'"] : [],
    `url=$(curl -fsS -X POST${key} ${quote(new URL("import", document.baseURI).href)} | cut -d '"' -f 4)`,
    `curl -f${globOff} --upload-file ${quote(file)} "$url"`,
  ].join("\n");
}

/**
 * Copies the lines, or selects them if the browser does not allow that.
 * @param {HTMLTextAreaElement} lines
 */
async function copy(lines) {
  if (await copyText(lines.value)) return true;
  lines.focus();
  lines.select();
  return false;
}
