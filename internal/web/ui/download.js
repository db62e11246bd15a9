// @ts-check
import { quote } from "./copy.js";

/**
 * Opens the download of an import. The signed URL is read when it is needed, because it expires. Returns the import, or
 * null if it cannot be read.
 * @param {import("../client/api.js").API} api @param {string} id
 */
export async function openDownload(api, id) {
  const job = await api.read(id, AbortSignal.timeout(30_000)).catch(() => null);
  if (job?.download_url) open(job.download_url, "_blank", "noopener,noreferrer");
  return job;
}

/** Returns the command that downloads an import. @param {string} id */
export function downloadCommand(id) {
  return `signpost download ${id} --server ${quote(new URL(".", document.baseURI).href.replace(/\/$/, ""))}`;
}
