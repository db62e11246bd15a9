// @ts-check
// Puts the page together.
import { API } from "./api.js";
import { Connection } from "./connection.js";
import { Credential } from "./credential.js";
import { curlLines } from "./curl.js";
import { sources } from "./drop.js";
import { Gate } from "./gate.js";
import { Hasher } from "./hasher.js";
import { keyForm } from "./key.js";
import { Live } from "./live.js";
import { Queue } from "./queue.js";
import { Recents } from "./recent.js";
import { settings } from "./settings.js";
import { Uploads } from "./uploads.js";

/** How many requests go to the store at a time. Browsers have six connections to a host. */
const atATime = 5;

const live = new Live(/** @type {HTMLElement} */ (document.getElementById("live")));
const connection = new Connection();
const credential = new Credential(settings.asksKey);
const api = new API(credential, connection);
const queue = new Queue({
  api, connection, credential, gate: new Gate(atATime), hasher: new Hasher(), checksums: true, checksumsTaken: false, storeAnswered: false,
});
const recents = new Recents(api);

const choose = sources((picked, meant) => void queue.add(picked, meant));
new Uploads(queue, live, choose);
keyForm(credential, live);
const suggest = curlLines(live);

queue.addEventListener("refused", (event) => live.say(/** @type {CustomEvent<string>} */ (event).detail));
queue.addEventListener("added", (event) => {
  for (const t of /** @type {CustomEvent<import("./transfer.js").Transfer[]>} */ (event).detail) {
    t.addEventListener("phase", () => { if (t.over) recents.refresh(); });
    suggest(t.name);
  }
});
queue.addEventListener("removed", () => recents.refresh());
credential.addEventListener("change", () => { if (credential.given && !credential.refused) recents.refresh(0); });
connection.addEventListener("change", () => {
  live.say(connection.away ? "The connection is lost. Uploads go on by themselves when it is back." : "The connection is back.");
});
addEventListener("beforeunload", (event) => { if ([...queue.all].some((t) => t.active)) event.preventDefault(); });

/** Those to go on with when the browser shows this page again, as it was. @type {import("./transfer.js").Transfer[]} */
let aside = [];
addEventListener("pagehide", () => { aside = [...queue.all].reverse().filter((t) => !t.over && t.file && t.setAside()); });
addEventListener("pageshow", (event) => { if (event.persisted) aside.reverse().forEach((t) => t.resume()); });

recents.refresh(0);
await queue.recall();
