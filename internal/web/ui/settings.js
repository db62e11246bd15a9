// @ts-check
/** Reads a setting that the service wrote into the page. */
const isSet = (/** @type {string} */ name) =>
  document.querySelector(`meta[name="signpost-${name}"]`)?.getAttribute("content") === "true";

export const settings = {
  /** Callers need an API key or an access token. */
  requiresKey: isSet("asks-key"),
  /** Imports can be listed: by authenticated callers, and by all on this machine. */
  lists: isSet("asks-key") || isSet("local"),
  /** A completed import has a download_url. */
  downloads: isSet("downloads"),
};
