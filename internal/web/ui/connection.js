// @ts-check
import { next, pause } from "./patience.js";

const never = new AbortController().signal;

/** Whether the service can be reached. While it cannot, everybody waits, and one looks for it. Tells "change". */
export class Connection extends EventTarget {
  away = false;
  /** @type {Promise<boolean> | null} */
  #looking = null;

  constructor() {
    super();
    addEventListener("offline", () => this.#lost());
  }

  /** Something answered, or took some bytes. */
  answered() {
    if (this.away && navigator.onLine) this.#set(false);
  }

  /** Whether the service answers now. Those who ask at the same time share one look. */
  check() {
    this.#looking ??= this.#look().finally(() => { this.#looking = null; });
    return this.#looking;
  }

  /** Returns when the service can be reached, at once if it can. @param {AbortSignal} signal */
  async back(signal) {
    while (this.away) await next(this, "change", signal);
  }

  async #look() {
    const there = navigator.onLine && await answers();
    if (there) this.#set(false);
    else this.#lost();
    return there;
  }

  #lost() {
    if (this.away) return;
    this.#set(true);
    void this.#seek();
  }

  async #seek() {
    for (let wait = 500; this.away; wait = Math.min(wait * 1.7, 10_000)) {
      await pause(wait * (0.5 + Math.random() / 2), never, { target: window, name: "online" });
      if (this.away && navigator.onLine) await this.check();
    }
  }

  /** @param {boolean} away */
  #set(away) {
    if (this.away === away) return;
    this.away = away;
    this.dispatchEvent(new Event("change"));
  }
}

async function answers() {
  try {
    await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    return true;
  } catch {
    return false;
  }
}
