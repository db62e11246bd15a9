// @ts-check
import { NoResponseError, ResponseError, isTemporary } from "./errors.js";
import { Backoff, parseRetryAfter } from "./retry.js";

/** The limit of one request, which API Gateway ends after 29 s, in milliseconds. */
const requestTimeout = 40_000;
/** The limit of a call with its retries; and before the service has responded at all, when it may never do so. */
const callBudget = 5 * 60_000, firstCallBudget = 15_000;
/** How long the service may hold a request. It allows 25; gateways and proxies may give up after 29. */
const longPollSeconds = 20;

/**
 * @typedef {{method: string, url: string, headers: Record<string, string>}} SignedRequest
 * @typedef {{id: string, status: string, upload?: SignedRequest, multipart?: {part_size: number, part_count?: number},
 *   filename?: string, relative_path?: string, size?: number,
 *   checksum?: {algorithm: string, value?: string, declared?: string},
 *   download_url?: string, created_at?: string, object?: {deleted?: boolean}, error?: {code: string, detail: string}}} Job
 * @typedef {{part_number: number, size: number, etag?: string, checksum?: string}} UploadedPart
 * @typedef {{headers: () => Record<string, string> | Promise<Record<string, string>>,
 *   waitSet: (signal: AbortSignal) => Promise<void>, maxRejections: number,
 *   waitReplaced: (sent: Record<string, string>, error: unknown, signal: AbortSignal) => Promise<void>}} Credential
 *   the headers that authenticate calls; waitReplaced returns when they have changed since these were rejected, or
 *   throws the error; maxRejections limits how often that is tried for a call
 */

/** A client of the service that retries calls. All calls are idempotent. */
export class API {
  /** Whether the service has responded. */
  #responded = false;

  /**
   * @param {string} server the URL of the service, which ends with a slash
   * @param {Credential} credential
   * @param {import("./connection.js").Connection} connection
   */
  constructor(server, credential, connection) {
    this.server = server;
    this.credential = credential;
    this.connection = connection;
  }

  /**
   * Creates an import. The idempotency key makes retries return the first import.
   * @param {object} declaration
   * @param {AbortSignal} signal ends waits and retries
   * @param {AbortSignal} requestSignal ends a request that was sent
   * @returns {Promise<Job>}
   */
  create(declaration, signal, requestSignal) {
    const headers = { "Idempotency-Key": randomUUID() };
    // If the store does not support the checksum, the service returns internal errors: more attempts do not help.
    const maxAttempts = "checksum" in declaration ? 3 : Infinity;
    return this.#call("POST", "import", { body: declaration, headers, maxAttempts }, signal, requestSignal);
  }

  /** Returns an import. @param {string} id @param {AbortSignal} signal @returns {Promise<Job>} */
  read(id, signal) { return this.#call("GET", `import/${id}`, {}, signal); }

  /**
   * Returns an import when its status has changed or a long poll has ended.
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<Job>}
   */
  watch(id, signal) { return this.#call("GET", `import/${id}?wait=${longPollSeconds}`, {}, signal); }

  /**
   * Returns the newest imports of the caller.
   * @param {number} limit
   * @param {AbortSignal} signal
   * @returns {Promise<Job[]>}
   */
  async list(limit, signal) { return (await this.#call("GET", `import?limit=${limit}`, {}, signal)).imports; }

  /** Aborts an import and removes its data. @param {string} id @param {AbortSignal} signal @returns {Promise<void>} */
  delete(id, signal) { return this.#call("DELETE", `import/${id}`, {}, signal); }

  /** Returns all uploaded parts. @param {string} id @param {AbortSignal} signal */
  async parts(id, signal) {
    /** @type {UploadedPart[]} */
    const all = [];
    for (let after = 0; ;) {
      const page = await this.#call("GET", `import/${id}/parts?after=${after}`, {}, signal);
      all.push(...page.parts);
      if (!page.next_after) return all;
      after = page.next_after;
    }
  }

  /**
   * Returns the signed requests that upload these parts.
   * @param {string} id
   * @param {object} parts
   * @param {AbortSignal} signal
   * @returns {Promise<(SignedRequest & {part_number: number})[]>}
   */
  async sign(id, parts, signal) {
    return (await this.#call("POST", `import/${id}/parts`, { body: parts }, signal)).parts;
  }

  /**
   * Starts to assemble the object from its parts. The returned status tells whether that is in progress.
   * @param {string} id
   * @param {object} request
   * @param {AbortSignal} signal
   * @returns {Promise<Job>}
   */
  complete(id, request, signal) {
    return this.#call("POST", `import/${id}/complete`, { body: request, maxAttempts: 1 }, signal);
  }

  /**
   * Sends a request until it succeeds or fails permanently. Without a connection or a credential, it waits.
   * @param {string} method
   * @param {string} path
   * @param {{body?: object, headers?: Record<string, string>, maxAttempts?: number}} request maxAttempts limits those
   *   that return 500
   * @param {AbortSignal} signal
   * @param {AbortSignal} [requestSignal] ends a request that was sent; the default is signal
   * @returns {Promise<any>}
   */
  async #call(method, path, { body, headers, maxAttempts = Infinity }, signal, requestSignal = signal) {
    let rejections = 0;
    for (let backoff = new Backoff(callBudget); ;) {
      await this.credential.waitSet(signal);
      const credential = await this.credential.headers();
      try {
        const result = await send(method, this.server + path, { ...headers, ...credential }, body, requestSignal);
        this.#responded = true;
        this.connection.recordResponse();
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof NoResponseError && !await this.connection.check()) {
          await this.connection.waitOnline(signal);
          backoff = new Backoff(callBudget);
          continue;
        }
        if (error instanceof ResponseError && error.status === 401 && ++rejections <= this.credential.maxRejections) {
          await this.credential.waitReplaced(credential, error, signal);
          continue;
        }
        this.#responded ||= error instanceof ResponseError;
        if (!this.#responded) backoff.budget = firstCallBudget;
        const isLast = error instanceof ResponseError && error.status === 500 && backoff.attempts + 1 >= maxAttempts;
        if (isLast || !isTemporary(error)) throw error;
        await backoff.wait(error, signal);
      }
    }
  }
}

/** Returns a UUID of version 4 (RFC 9562). Browsers have crypto.randomUUID only in secure contexts. */
function randomUUID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 0x0f | 0x40;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * Sends one request and returns its JSON.
 * @param {string} method
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {object | undefined} body
 * @param {AbortSignal} signal
 */
async function send(method, url, headers, body, signal) {
  const request = new AbortController();
  const stop = () => request.abort();
  const timer = setTimeout(stop, requestTimeout);
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const response = await fetch(url, {
      method, cache: "no-store", redirect: "error", signal: request.signal,
      headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
      body: body && JSON.stringify(body),
    }).catch(() => { throw new NoResponseError("service"); });
    const text = await response.text().catch(() => { throw new NoResponseError("service"); });
    if (!response.ok) throw responseError(response, text);
    return response.status === 204 ? undefined : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Error("This is no response of the service. Check for a proxy or sign-in page, then reload the page.");
    }
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Reads a problem document, or the JSON message of an API gateway. @param {Response} response @param {string} text */
function responseError(response, text) {
  /** @type {any} */
  let problem = {};
  try {
    problem = JSON.parse(text) ?? {};
  } catch { /* the error page of a proxy */ }
  const describe = (/** @type {any} */ e) => `${e.pointer ?? e.parameter ?? ""} ${e.detail}`.trim();
  return new ResponseError({
    source: "service", status: response.status, code: problem.code, detail: problem.detail ?? problem.message,
    requestId: problem.request_id,
    fieldErrors: (problem.errors ?? []).map(describe),
    retryAfter: parseRetryAfter(response.headers.get("Retry-After")),
  });
}
