// @ts-check
// Creates the parts of the page and connects them.
import { API } from "../client/api.js";
import { connectCredentialForm } from "./credential-form.js";
import { Connection } from "../client/connection.js";
import { Credential } from "./credential.js";
import { showCurlCommand } from "./curl-command.js";
import { connectFileSources } from "./file-sources.js";
import { Hasher } from "../client/hasher.js";
import { Limiter } from "../client/limiter.js";
import { LiveRegion } from "./live-region.js";
import { describe } from "./error-text.js";
import { Queue } from "./queue.js";
import { RecentImports } from "./recent-imports.js";
import { resumeStore } from "./resume-store.js";
import { settings } from "./settings.js";
import { UploadList } from "./upload-list.js";

/** @typedef {import("../client/transfer.js").Transfer} Transfer */

const live = new LiveRegion(/** @type {HTMLElement} */ (document.getElementById("live")));
const server = new URL(".", document.baseURI).href;
const connection = new Connection(server);
const credential = new Credential(settings.requiresKey);
const api = new API(server, credential, connection);
const queue = new Queue({
  api, connection, credential, limiter: new Limiter(), hasher: new Hasher(), resumeStore, describe,
  flags: { checksums: true, checksumsSupported: false, storeResponded: false },
});
const recent = new RecentImports(api, credential);

const chooseFile = connectFileSources((files, target) => void queue.addFiles(files, target));
new UploadList(queue, live, chooseFile);
connectCredentialForm(credential, live);
const setCurlFile = showCurlCommand(live);

queue.addEventListener("rejected", (event) => live.announce(/** @type {CustomEvent<string>} */ (event).detail));
queue.addEventListener("added", (event) => {
  const transfers = /** @type {CustomEvent<Transfer[]>} */ (event).detail;
  for (const t of transfers) {
    t.addEventListener("phase", () => { if (t.isFinished) recent.refresh(); });
  }
  setCurlFile(transfers[transfers.length - 1].name);
});
queue.addEventListener("removed", () => recent.refresh());
credential.addEventListener("change", () => { if (credential.isSet && !credential.rejected) recent.refresh(0); });
connection.addEventListener("change", () => {
  const lost = "Connection lost. Uploads resume automatically when it is restored.";
  live.announce(connection.offline ? lost : "Connection restored.");
});
addEventListener("beforeunload", (event) => { if ([...queue.all].some((t) => t.isActive)) event.preventDefault(); });

/** The uploads to resume when the page returns from the back/forward cache. @type {Transfer[]} */
let suspended = [];
// In reverse order, or waiting uploads would start when others are paused.
addEventListener("pagehide", () => {
  suspended = [...queue.all].reverse().filter((t) => !t.isFinished && t.file && t.suspend());
});
addEventListener("pageshow", (event) => { if (event.persisted) suspended.reverse().forEach((t) => t.resume()); });

recent.refresh(0);
await queue.addUnfinished();
// Files that were selected before this script was loaded. Inputs without files add none.
for (const input of document.querySelectorAll("input[type=file]")) input.dispatchEvent(new Event("change"));
