// @ts-check
import { settings } from "./settings.js";

/**
 * Connects the form for the API key or token. Its value stays in memory.
 * @param {import("./credential.js").Credential} credential
 * @param {import("./live-region.js").LiveRegion} live
 */
export function connectCredentialForm(credential, live) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("key"));
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const help = /** @type {HTMLElement} */ (document.getElementById("key-words"));
  let announced = "";
  const draw = () => {
    form.hidden = !settings.requiresKey && !credential.requested && !credential.isSet;
    const state = credential.rejected ? "refused" : credential.isSet ? "given" : "wanted";
    form.dataset.state = state;
    input.setAttribute("aria-invalid", String(credential.rejected));
    help.textContent = {
      refused: "This key was not accepted. Check that it is complete, or ask for another key.",
      given: "The key is used until this page is closed.",
      wanted: "This service requires an API key. The page keeps it only until you close the page.",
    }[state];
    if (credential.requested && announced !== state) {
      input.focus();
      input.select();
      live.announce(credential.rejected ? "The API key was not accepted." : "The service requires an API key.");
    }
    announced = credential.requested ? state : "";
  };
  credential.addEventListener("change", draw);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    announced = ""; // a second rejection is announced too
    credential.set(input.value.replace(/[^!-~]/g, "")); // pasted text may have spaces and line ends
  });
  draw();
}
