// @ts-check
import { fileKind } from "./file-kind.js";
import { formatBytes, formatDuration } from "./format.js";
import { drawProgress } from "./progress-bar.js";
import { Rate } from "./rate.js";
import { settings } from "./settings.js";

/** @typedef {import("../client/transfer.js").Transfer} Transfer */

/** The buttons of each state. @type {Record<string, string[]>} */
const actions = {
  waiting: ["pause", "abort"], hashing: ["pause", "abort"], sending: ["pause", "abort"], finishing: [],
  offline: ["pause", "abort"], pausing: ["resume", "abort"], paused: ["resume", "abort"], locked: ["dismiss"],
  "needs-file": ["choose", "abort"], completed: ["copy-id", "copy-command", "delete", "dismiss"],
  failed: ["retry", "abort", "dismiss"], aborting: [], aborted: ["dismiss"],
};

/** The text of each state. @type {Record<string, string>} */
const stateTexts = {
  waiting: "Waiting", hashing: "Computing the checksum", sending: "Uploading", pausing: "Pausing…", paused: "Paused",
  offline: "No connection: resumes automatically", locked: "Another tab is uploading this file",
  finishing: "Completing", completed: "Completed", failed: "Failed", aborting: "Aborting…", aborted: "Aborted",
};

/** Returns the phase of an upload, or what prevents progress. @param {Transfer} t */
export function stateOf({ phase, isActive, shared }) {
  if (isActive && shared.credential.requested) return "waiting";
  return isActive && shared.connection.offline ? "offline" : phase;
}

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
      problem: part("problem"), request: part("request"), id: part("id"), result: part("result"),
    };
    this.progress = /** @type {HTMLProgressElement} */ (this.element.querySelector("progress"));
    this.download = /** @type {HTMLAnchorElement} */ (this.element.querySelector(".download"));
    this.buttons = [...this.element.querySelectorAll("button")];
    this.element.dataset.name = transfer.name;
    this.#drawOnce();
  }

  /** Draws what does not change. */
  #drawOnce() {
    const { name, size } = this.transfer;
    this.parts.name.textContent = name;
    this.parts.size.textContent = formatBytes(size);
    this.element.querySelector("use")?.setAttribute("href", `#icon-${fileKind(name)}`);
    this.progress.setAttribute("aria-label", `Upload progress of ${name}`);
    for (const button of this.buttons) button.setAttribute("aria-label", `${button.textContent?.trim()} ${name}`);
    this.download.setAttribute("aria-label", `Download ${name}`);
  }

  /** Shows the folders of the file, without the first one inside the row of that. @param {boolean} isInside */
  drawPath(isInside) {
    const { path } = this.transfer;
    this.#write(this.parts.path, isInside ? path.slice(path.indexOf("/") + 1) : path);
    this.element.classList.toggle("inside", isInside);
  }

  /** Draws the current state. */
  draw() {
    const t = this.transfer, state = stateOf(t);
    if (this.element.dataset.id !== t.id) this.element.dataset.id = t.id;
    if (this.element.dataset.state !== state) this.#drawState(state);
    drawProgress(this.progress, { size: t.size, stored: t.storedBytes, sent: t.sentBytes }, state === "completed");
    const share = t.size > 0 ? t.storedBytes / t.size : 0;
    this.#write(this.parts.state, this.#text(state, share));
    this.#write(this.parts.pace, this.#rateText(state));
    this.#write(this.parts.problem, t.problem?.text ?? "");
    this.#write(this.parts.request, t.problem?.requestId ? `Request ID for the operator: ${t.problem.requestId}` : "");
  }

  /** Draws all, when something besides the state has changed. */
  redraw() {
    this.element.dataset.state = "";
    this.draw();
  }

  /** @param {string} state */
  #drawState(state) {
    const t = this.transfer;
    this.element.dataset.state = state;
    this.#rate = new Rate();
    const focused = this.buttons.find((b) => b === document.activeElement);
    const isDeleted = t.job?.object?.deleted === true;
    const isForbidden = {
      retry: !t.retryable, abort: t.id === "" && state === "failed", dismiss: state === "failed" && t.id !== "",
      delete: isDeleted, "copy-command": isDeleted || !settings.downloads,
    };
    const allowed = actions[state].filter((a) => !isForbidden[/** @type {keyof isForbidden} */ (a)]);
    for (const button of this.buttons) button.hidden = !allowed.includes(button.dataset.action ?? "");
    this.progress.hidden = ["completed", "aborting", "aborted"].includes(state);
    this.parts.result.hidden = state !== "completed";
    this.parts.id.textContent = t.id;
    this.download.hidden = state !== "completed" || !settings.downloads || isDeleted;
    this.download.href = `import/${t.id}`;
    // Otherwise the focus would move to the start of the page.
    if (focused?.hidden) (this.buttons.find((b) => !b.hidden) ?? this.element).focus();
  }

  /** @param {string} state @param {number} share */
  #text(state, share) {
    const { note, shared, job } = this.transfer;
    const percent = `${Math.floor(share * 100)} %`;
    if (state === "completed" && job?.object?.deleted) return `${stateTexts[state]}, object deleted`;
    if (state === "aborted" && job?.status === "completed") return `${stateTexts[state]}, object deleted`;
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
    const { storedBytes, movedBytes, size } = this.transfer, rate = this.#rate.update(movedBytes);
    return rate > 0 ? `${formatBytes(rate)}/s, ${formatDuration((size - storedBytes) / rate)} left` : "";
  }

  /** @param {HTMLElement} element @param {string} text */
  #write(element, text) {
    if (this.#shown.get(element) === text) return;
    this.#shown.set(element, text);
    element.textContent = text;
    element.hidden = text === "";
  }
}
