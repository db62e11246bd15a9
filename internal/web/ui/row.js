// @ts-check
import { formatBytes, formatDuration } from "./format.js";
import { Rate } from "./rate.js";

/** @typedef {import("./transfer.js").Transfer} Transfer */

/** The buttons of each state. @type {Record<string, string[]>} */
const actions = {
  waiting: ["pause", "abort"], hashing: ["pause", "abort"], sending: ["pause", "abort"], finishing: [],
  offline: ["pause", "abort"], pausing: ["resume", "abort"], paused: ["resume", "abort"], locked: ["remove"],
  "needs-file": ["choose", "abort"], completed: ["remove"], failed: ["retry", "remove"], aborting: [],
  aborted: ["remove"], removing: [],
};

/** The text of each state. @type {Record<string, string>} */
const stateTexts = {
  waiting: "Waiting", hashing: "Computing the checksum", sending: "Uploading", pausing: "Pausing…", paused: "Paused",
  offline: "No connection: resumes automatically", locked: "Another tab is uploading this file",
  finishing: "Completing", completed: "Completed", failed: "Failed", aborting: "Aborting…", aborted: "Aborted",
  removing: "Removing…",
};

/** The row of one upload. */
export class Row {
  #rate = new Rate();
  /** The current texts, so that only changes are written. @type {Map<Element, string>} */
  #shown = new Map();

  /** @param {Transfer} transfer @param {HTMLTemplateElement} template */
  constructor(transfer, template) {
    this.transfer = transfer;
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLLIElement} */ (fragment.firstElementChild);
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (this.element.querySelector(`.${name}`));
    this.parts = {
      name: part("name"), path: part("path"), size: part("size"), state: part("state"), pace: part("pace"),
      problem: part("problem"), request: part("request"),
    };
    this.progress = /** @type {HTMLProgressElement} */ (this.element.querySelector("progress"));
    this.download = /** @type {HTMLAnchorElement} */ (this.element.querySelector(".download"));
    this.buttons = [...this.element.querySelectorAll("button")];
    this.element.dataset.name = transfer.name;
    this.#drawOnce();
  }

  /** Draws what does not change. */
  #drawOnce() {
    const { name, path, size } = this.transfer;
    this.parts.name.textContent = name;
    this.parts.path.textContent = path;
    this.parts.path.hidden = path === "";
    this.parts.size.textContent = formatBytes(size);
    this.progress.setAttribute("aria-label", `Upload progress of ${name}`);
    for (const button of this.buttons) button.setAttribute("aria-label", `${button.textContent?.trim()} ${name}`);
    this.download.setAttribute("aria-label", `Download ${name}`);
  }

  /** The phase, or what prevents progress. */
  get state() {
    const { phase, isActive, shared } = this.transfer;
    if (isActive && shared.credential.requested) return "waiting";
    return isActive && shared.connection.offline ? "offline" : phase;
  }

  /** Draws the current state. */
  draw() {
    const t = this.transfer, { state } = this;
    if (this.element.dataset.id !== t.id) this.element.dataset.id = t.id;
    if (this.element.dataset.state !== state) this.#drawState(state);
    const share = t.size > 0 ? t.sentBytes / t.size : Number(state === "completed");
    this.progress.value = Math.floor(share * 1000);
    this.#write(this.parts.state, this.#text(state, share));
    this.#write(this.parts.pace, this.#rateText(state));
    this.#write(this.parts.problem, t.problem?.text ?? "");
    this.#write(this.parts.request, t.problem?.requestId ? `Request ID for the operator: ${t.problem.requestId}` : "");
  }

  /** @param {string} state */
  #drawState(state) {
    const t = this.transfer;
    this.element.dataset.state = state;
    this.#rate.reset();
    const focused = this.buttons.find((b) => b === document.activeElement);
    const allowed = actions[state].filter((a) => a !== "retry" || t.retryable);
    for (const button of this.buttons) button.hidden = !allowed.includes(button.dataset.action ?? "");
    // Otherwise the focus would move to the start of the page.
    if (focused?.hidden) (this.buttons.find((b) => !b.hidden) ?? this.element).focus();
    this.progress.hidden = ["completed", "aborting", "aborted", "removing"].includes(state);
    const url = state === "completed" ? t.job?.download_url : undefined;
    this.download.hidden = !url;
    if (url) this.download.href = url;
  }

  /** @param {string} state @param {number} share */
  #text(state, share) {
    const { note, shared } = this.transfer;
    const percent = `${Math.floor(share * 100)} %`;
    if (state === "completed" && this.transfer.job?.object?.deleted) return `${stateTexts[state]}, object deleted`;
    if (state === "waiting" && shared.credential.requested) return "Waiting for the API key or token";
    if (state === "needs-file" && share < 0.01) return "Choose the file again to resume";
    if (state === "needs-file") return `Choose the file again to resume at ${percent}`;
    if (note && ["hashing", "sending"].includes(state)) return `${note}, ${percent}`;
    if (state === "sending" || state === "paused" && share > 0) return `${stateTexts[state]}, ${percent}`;
    return stateTexts[state];
  }

  /** @param {string} state */
  #rateText(state) {
    if (state !== "sending") return "";
    const { sentBytes, size } = this.transfer;
    this.#rate.add(sentBytes);
    const rate = this.#rate.value();
    return rate > 0 ? `${formatBytes(rate)}/s, ${formatDuration((size - sentBytes) / rate)} left` : "";
  }

  /** @param {HTMLElement} element @param {string} text */
  #write(element, text) {
    if (this.#shown.get(element) === text) return;
    this.#shown.set(element, text);
    element.textContent = text;
    element.hidden = text === "";
  }
}
