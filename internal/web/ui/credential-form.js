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
    const state = credential.rejected ? "rejected" : credential.isSet ? "given" : "wanted";
    form.dataset.state = state;
    input.setAttribute("aria-invalid", String(credential.rejected));
    help.textContent = {
      rejected: "The service rejected this key or token. Check that it is complete, or ask the operator for a new one.",
      given: "This page uses the key until you close the page.",
      wanted: "This service requires an API key or access token. It is forgotten when you close the page.",
    }[state];
    if (credential.requested && announced !== state) {
      input.focus();
      input.select();
      live.announce(credential.rejected ? "The service rejected the key or token." :
        "The service requires an API key or access token.");
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
