// @ts-check
import { settings } from "./settings.js";

/**
 * The field for the API key or token. What is typed stays in memory and is gone with the page.
 * @param {import("./credential.js").Credential} credential
 * @param {import("./live.js").Live} live
 */
export function keyForm(credential, live) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("key"));
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const words = /** @type {HTMLElement} */ (document.getElementById("key-words"));
  const wanted = "This service asks who you are. The key stays in this page, and is gone when you close it.";
  let shown = "";
  const draw = () => {
    form.hidden = !settings.asksKey && !credential.wanted && !credential.given;
    const state = credential.refused ? "refused" : credential.given ? "given" : "wanted";
    form.dataset.state = state;
    input.setAttribute("aria-invalid", String(credential.refused));
    words.textContent = {
      refused: "This key was not accepted. Look whether it is whole, or ask for another.",
      given: "The key is in use for as long as this page is open.",
      wanted,
    }[state];
    if (credential.wanted && `${state} wanted` !== shown) {
      input.focus();
      input.select();
      live.say(credential.refused ? "The API key was not accepted." : "The service asks for an API key.");
    }
    shown = `${state} ${credential.wanted ? "wanted" : ""}`.trim();
  };
  credential.addEventListener("change", draw);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    shown = ""; // a second refusal is told as well
    credential.set(input.value.replace(/[^!-~]/g, "")); // what is pasted may have spaces and line ends around it
  });
  draw();
}
