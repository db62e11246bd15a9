// @ts-check
import { NoAnswer, Refusal, temporary } from "./failures.js";
import { Patience, retryAfter } from "./patience.js";

/** In milliseconds: for one call, which API Gateway gives up after 29 s, and for a call and its repetitions. */
const callTimeout = 40_000, callBudget = 5 * 60_000;
/** For how many seconds the service is asked to wait for news. It takes 25; gateways and proxies may give up after 29. */
const waitFor = 20;

/**
 * @typedef {{method: string, url: string, headers: Record<string, string>}} SignedRequest
 * @typedef {{id: string, status: string, upload?: SignedRequest, multipart?: {part_size: number, part_count?: number}, filename?: string,
 *   size?: number, checksum?: {algorithm: string, value?: string}, download_url?: string, created_at?: string, error?: {code: string, detail: string}}} Job
 * @typedef {{part_number: number, size: number, checksum?: string}} HeldPart
 */

/** The service, each call repeated until it is answered. All of its calls may be repeated. */
export class API {
  /**
   * @param {import("./credential.js").Credential} credential
   * @param {import("./connection.js").Connection} connection
   */
  constructor(credential, connection) {
    this.credential = credential;
    this.connection = connection;
  }

  /**
   * Creates an import. The key has repetitions find what the first call made.
   * @param {object} declared
   * @param {AbortSignal} signal ends waits and repetitions
   * @param {AbortSignal} cut ends a request that was sent
   * @returns {Promise<Job>}
   */
  create(declared, signal, cut) {
    const key = randomUUID();
    // Why a service fails on a checksum it cannot tell; more attempts than these will not.
    const attempts = "checksum" in declared ? 3 : Infinity;
    return this.#call("POST", "import", { body: declared, headers: { "Idempotency-Key": key }, attempts }, signal, cut);
  }

  /** @param {string} id @param {AbortSignal} signal @returns {Promise<Job>} */
  read(id, signal) { return this.#call("GET", `import/${id}`, {}, signal); }

  /**
   * The import once its status is another, or after a while as it was.
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<Job>}
   */
  news(id, signal) { return this.#call("GET", `import/${id}?wait=${waitFor}`, {}, signal); }

  /** The newest imports of the caller. @param {number} limit @param {AbortSignal} signal @returns {Promise<Job[]>} */
  async newest(limit, signal) { return (await this.#call("GET", `import?limit=${limit}`, {}, signal)).imports; }

  /** Aborts an import and removes what there is of it. @param {string} id @param {AbortSignal} signal @returns {Promise<void>} */
  remove(id, signal) { return this.#call("DELETE", `import/${id}`, {}, signal); }

  /** All parts that the store holds. @param {string} id @param {AbortSignal} signal */
  async parts(id, signal) {
    /** @type {HeldPart[]} */
    const all = [];
    for (let after = 0; ;) {
      const page = await this.#call("GET", `import/${id}/parts?after=${after}`, {}, signal);
      all.push(...page.parts);
      if (!page.next_after) return all;
      after = page.next_after;
    }
  }

  /**
   * The requests that upload these parts.
   * @param {string} id
   * @param {object} parts
   * @param {AbortSignal} signal
   * @returns {Promise<(SignedRequest & {part_number: number})[]>}
   */
  async sign(id, parts, signal) { return (await this.#call("POST", `import/${id}/parts`, { body: parts }, signal)).parts; }

  /**
   * Makes the object of its parts. It may still be on its way when this returns: the status says.
   * @param {string} id
   * @param {object} request
   * @param {AbortSignal} signal
   * @returns {Promise<Job>}
   */
  complete(id, request, signal) { return this.#call("POST", `import/${id}/complete`, { body: request, attempts: 1 }, signal); }

  /**
   * Sends until there is an answer that repeating would not change. Without a connection, or a key, it waits.
   * @param {string} method
   * @param {string} path
   * @param {{body?: object, headers?: Record<string, string>, attempts?: number}} how attempts: after how many a fault of the service is taken for its last word
   * @param {AbortSignal} signal
   * @param {AbortSignal} [cut] ends a request that was sent, in place of signal
   * @returns {Promise<any>}
   */
  async #call(method, path, { body, headers, attempts = Infinity }, signal, cut = signal) {
    for (let patience = new Patience(callBudget); ;) {
      await this.credential.some(signal);
      const who = this.credential.headers();
      try {
        const answer = await once(method, path, { ...headers, ...who }, body, cut);
        this.connection.answered();
        return answer;
      } catch (failure) {
        signal.throwIfAborted();
        if (failure instanceof NoAnswer && !await this.connection.check()) {
          await this.connection.back(signal);
          patience = new Patience(callBudget);
          continue;
        }
        if (failure instanceof Refusal && failure.status === 401) {
          await this.credential.another(who, signal);
          continue;
        }
        if (!temporary(failure) || failure instanceof Refusal && failure.status === 500 && patience.attempts + 1 >= attempts) throw failure;
        await patience.wait(failure, signal);
      }
    }
  }
}

/** A UUID of version 4 (RFC 9562). Browsers have crypto.randomUUID only in secure contexts. */
function randomUUID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 0x0f | 0x40;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} headers
 * @param {object | undefined} body
 * @param {AbortSignal} signal
 */
async function once(method, path, headers, body, signal) {
  const inTime = new AbortController();
  const timer = setTimeout(() => inTime.abort(), callTimeout);
  const stop = () => inTime.abort();
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const response = await fetch(path, {
      method, cache: "no-store", redirect: "error", signal: inTime.signal,
      headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
      body: body && JSON.stringify(body),
    }).catch(() => { throw new NoAnswer("service"); });
    const text = await response.text().catch(() => { throw new NoAnswer("service"); });
    if (!response.ok) throw refusal(response, text);
    return response.status === 204 ? undefined : JSON.parse(text);
  } catch (failure) {
    if (failure instanceof SyntaxError) throw new Error("What answered is not the service. A proxy or a sign-in page may be in between.");
    throw failure;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Reads a problem document, or what little a gateway says of its own. @param {Response} response @param {string} text */
function refusal(response, text) {
  /** @type {any} */
  let problem = {};
  try {
    problem = JSON.parse(text) ?? {};
  } catch { /* a proxy's page says nothing */ }
  return new Refusal({
    by: "service", status: response.status, code: problem.code, detail: problem.detail ?? problem.message, requestId: problem.request_id,
    faults: (problem.errors ?? []).map((/** @type {any} */ e) => `${e.pointer ?? e.parameter ?? ""} ${e.detail}`.trim()),
    after: retryAfter(response.headers.get("Retry-After")),
  });
}
