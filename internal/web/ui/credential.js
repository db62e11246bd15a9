// @ts-check
import { nextEvent } from "../client/wait.js";

/** The API key or access token, which is kept in memory only. Dispatches "change". */
export class Credential extends EventTarget {
  #value = "";
  /** Calls wait until the service accepts the credential. */
  maxRejections = Infinity;
  /** Whether calls wait for a credential. */
  requested = false;
  /** Whether the service rejected the current one. */
  rejected = false;

  /** @param {boolean} required whether the service is known to require a credential */
  constructor(required) {
    super();
    this.required = required;
  }

  get isSet() { return this.#value !== ""; }

  /** @param {string} value */
  set(value) {
    this.#value = value;
    this.requested = this.rejected = false;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Returns the authentication header. A token has three parts with dots between them (RFC 7519); a key has no dot.
   * @returns {Record<string, string>}
   */
  headers() {
    if (this.#value === "") return {};
    const isToken = this.#value.split(".").length === 3;
    return isToken ? { Authorization: `Bearer ${this.#value}` } : { "X-Api-Key": this.#value };
  }

  /**
   * Requests a replacement of the credential that was sent, and returns when there is one.
   * @param {Record<string, string>} sent the headers
   * @param {unknown} _ the error response
   * @param {AbortSignal} signal
   */
  async waitReplaced(sent, _, signal) {
    const isSame = () => JSON.stringify(sent) === JSON.stringify(this.headers());
    if (isSame()) {
      this.rejected = this.isSet;
      this.requested = true;
      this.dispatchEvent(new Event("change"));
    }
    while (isSame()) await nextEvent(this, "change", signal);
  }

  /** Returns when a required credential is set. @param {AbortSignal} signal */
  async waitSet(signal) {
    if (this.required && !this.isSet) await this.waitReplaced({}, null, signal);
  }
}
