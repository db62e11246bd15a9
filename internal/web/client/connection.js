// @ts-check
import { nextEvent, sleep } from "./wait.js";

const never = new AbortController().signal;

/** Tracks whether the service can be reached. While it cannot, all uploads wait for one probe. Dispatches "change". */
export class Connection extends EventTarget {
  offline = false;
  /** @type {Promise<boolean> | null} */
  #checking = null;

  /** @param {string} server the URL of the service, which ends with a slash */
  constructor(server) {
    super();
    this.server = server;
    addEventListener("offline", () => this.#setOffline());
  }

  /** Records that a server responded or received bytes. */
  recordResponse() {
    if (this.offline && navigator.onLine) this.#set(false);
  }

  /** Returns whether the service responds now. Concurrent calls share one request. */
  check() {
    this.#checking ??= this.#check().finally(() => { this.#checking = null; });
    return this.#checking;
  }

  /** Returns when the service can be reached. @param {AbortSignal} signal */
  async waitOnline(signal) {
    while (this.offline) await nextEvent(this, "change", signal);
  }

  async #check() {
    const online = navigator.onLine && await isReachable(this.server);
    if (online) this.#set(false);
    else this.#setOffline();
    return online;
  }

  #setOffline() {
    if (this.offline) return;
    this.#set(true);
    void this.#checkUntilOnline();
  }

  async #checkUntilOnline() {
    for (let delay = 500; this.offline; delay = Math.min(delay * 1.7, 10_000)) {
      await sleep(delay * (0.5 + Math.random() / 2), never, { target: globalThis, name: "online" });
      if (this.offline && navigator.onLine) await this.check();
    }
  }

  /** @param {boolean} offline */
  #set(offline) {
    if (this.offline === offline) return;
    this.offline = offline;
    this.dispatchEvent(new Event("change"));
  }
}

/** Reports whether the service responds, also to pages of other origins. @param {string} server */
async function isReachable(server) {
  try {
    await fetch(`${server}healthz`, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(5000) });
    return true;
  } catch {
    return false;
  }
}
