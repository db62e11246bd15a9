// @ts-check
/** What the service said of itself when it served the page. */
const said = (/** @type {string} */ name) => document.querySelector(`meta[name="signpost-${name}"]`)?.getAttribute("content") === "true";

export const settings = {
  /** Callers need an API key or a token. */
  asksKey: said("asks-key"),
  /** Imports can be listed: by callers who are known, and on this machine by all. */
  lists: said("asks-key") || said("local"),
  /** Readers of a completed import are given a download_url. */
  downloads: said("downloads"),
};
