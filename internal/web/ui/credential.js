// @ts-check
import { next } from "./patience.js";

/** The API key or token, kept in memory alone. Tells "change". */
export class Credential extends EventTarget {
  #value = "";
  /** Whether calls wait for it. */
  wanted = false;
  /** Whether the service did not accept the one that was given. */
  refused = false;

  /** @param {boolean} required whether the service is known to ask for one */
  constructor(required) {
    super();
    this.required = required;
  }

  get given() { return this.#value !== ""; }

  /** @param {string} value */
  set(value) {
    this.#value = value;
    this.wanted = this.refused = false;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * The header that says who calls. A token has three parts with dots between them (RFC 7519); a key has no dot.
   * @returns {Record<string, string>}
   */
  headers() {
    if (this.#value === "") return {};
    return this.#value.split(".").length === 3 ? { Authorization: `Bearer ${this.#value}` } : { "X-Api-Key": this.#value };
  }

  /**
   * Asks for another than the one that was sent, and returns when there is one.
   * @param {Record<string, string>} sent the headers
   * @param {AbortSignal} signal
   */
  async another(sent, signal) {
    const same = () => JSON.stringify(sent) === JSON.stringify(this.headers());
    if (same()) {
      this.refused = this.given;
      this.wanted = true;
      this.dispatchEvent(new Event("change"));
    }
    while (same()) await next(this, "change", signal);
  }

  /** Asks for one where it is known to be needed, before the first call. @param {AbortSignal} signal */
  async some(signal) {
    if (this.required && !this.given) await this.another({}, signal);
  }
}
