// @ts-check
import { Rate } from "./rate.js";
import { bytes, duration } from "./words.js";

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** Which buttons there are, by what the row shows. @type {Record<string, string[]>} */
const actions = {
  waiting: ["pause", "cancel"], hashing: ["pause", "cancel"], sending: ["pause", "cancel"], offline: ["pause", "cancel"],
  pausing: ["resume", "cancel"], paused: ["resume", "cancel"], locked: ["remove"], "needs-file": ["choose", "cancel"], finishing: [],
  completed: ["remove"], failed: ["retry", "remove"], cancelling: [], cancelled: ["remove"],
  removing: [],
};

/** What the row says, by what it shows. @type {Record<string, string>} */
const states = {
  waiting: "Waiting for its turn", hashing: "Reading", sending: "Sending", pausing: "Pausing…", paused: "Paused",
  offline: "No connection; goes on by itself",
  locked: "Another tab is sending this file", "needs-file": "Waiting for its file", finishing: "Finishing", completed: "Done", failed: "Failed",
  cancelling: "Cancelling…", cancelled: "Cancelled", removing: "Removing…",
};

/** One upload as the list shows it. */
export class Row {
  #rate = new Rate();
  /** What is shown now, so that only what is another is written. @type {Map<Element, string>} */
  #shown = new Map();

  /** @param {Transfer} transfer @param {HTMLTemplateElement} template */
  constructor(transfer, template) {
    this.transfer = transfer;
    this.element = /** @type {HTMLLIElement} */ (/** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild);
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (this.element.querySelector(`.${name}`));
    this.parts = {
      name: part("name"), path: part("path"), size: part("size"), state: part("state"), pace: part("pace"), problem: part("problem"),
      request: part("request"),
    };
    this.progress = /** @type {HTMLProgressElement} */ (this.element.querySelector("progress"));
    this.download = /** @type {HTMLAnchorElement} */ (this.element.querySelector(".download"));
    this.buttons = [...this.element.querySelectorAll("button")];
    this.element.dataset.name = transfer.name;
    this.#name();
  }

  /** All that is said once. */
  #name() {
    const { name, path, size } = this.transfer;
    this.parts.name.textContent = name;
    this.parts.path.textContent = path;
    this.parts.path.hidden = path === "";
    this.parts.size.textContent = bytes(size);
    this.progress.setAttribute("aria-label", `Progress of ${name}`);
    for (const button of this.buttons) button.setAttribute("aria-label", `${button.textContent?.trim()} ${name}`);
    this.download.setAttribute("aria-label", `Download ${name}`);
  }

  /** What the row shows: the phase, but where something keeps it from going on. */
  get state() {
    const { phase, active, means } = this.transfer;
    if (active && means.credential.wanted) return "waiting";
    return active && means.connection.away ? "offline" : phase;
  }

  /** Shows the transfer as it is now. */
  draw() {
    const t = this.transfer, { state } = this;
    if (this.element.dataset.id !== t.id) this.element.dataset.id = t.id;
    const before = this.element.dataset.state;
    if (before !== state) this.#enter(state);
    const share = t.size > 0 ? t.sent / t.size : Number(state === "completed");
    this.progress.value = Math.floor(share * 1000);
    this.#write(this.parts.state, this.#words(state, share));
    this.#write(this.parts.pace, this.#pace(state));
    this.#write(this.parts.problem, t.problem?.text ?? "");
    this.#write(this.parts.request, t.problem?.requestId ? `Number for the operator: ${t.problem.requestId}` : "");
  }

  /** @param {string} state */
  #enter(state) {
    const t = this.transfer;
    this.element.dataset.state = state;
    this.#rate.forget();
    const focused = this.buttons.find((b) => b === document.activeElement);
    const allowed = actions[state].filter((a) => a !== "retry" || t.retriable);
    for (const button of this.buttons) button.hidden = !allowed.includes(button.dataset.action ?? "");
    if (focused?.hidden) (this.buttons.find((b) => !b.hidden) ?? this.element).focus(); // else the browser goes back to the page's start
    this.progress.hidden = ["completed", "cancelling", "cancelled", "removing"].includes(state);
    const url = state === "completed" ? t.job?.download_url : undefined;
    this.download.hidden = !url;
    if (url) this.download.href = url;
  }

  /** @param {string} state @param {number} share */
  #words(state, share) {
    const { note, means } = this.transfer;
    const percent = `${Math.floor(share * 100)} %`;
    if (state === "waiting" && means.credential.wanted) return "Waiting for your API key";
    if (state === "needs-file") return share < 0.01 ? "Choose this file again to go on" : `Choose this file again, and it goes on at ${percent}`;
    if (note && ["hashing", "sending"].includes(state)) return `${note}, ${percent}`;
    if (state === "sending" || state === "paused" && share > 0) return `${states[state]}, ${percent}`;
    return states[state];
  }

  /** @param {string} state */
  #pace(state) {
    if (state !== "sending") return "";
    const { sent, size } = this.transfer;
    this.#rate.look(sent);
    const rate = this.#rate.value();
    return rate > 0 ? `${bytes(rate)}/s, ${duration((size - sent) / rate)} left` : "";
  }

  /** @param {HTMLElement} element @param {string} text */
  #write(element, text) {
    if (this.#shown.get(element) === text) return;
    this.#shown.set(element, text);
    element.textContent = text;
    element.hidden = text === "";
  }
}
