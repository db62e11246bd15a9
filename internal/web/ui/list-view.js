// @ts-check
import { FolderRow } from "./folder-row.js";
import { groupOf } from "./totals.js";

/** @typedef {import("../client/transfer.js").Transfer} Transfer */

const collator = new Intl.Collator("en", { numeric: true });

/** The order of uploads by their state: what needs attention comes first. */
const groupOrder = ["failed", "in-progress", "aborted", "completed"];

/** Comparisons by the value of the sort menu. @type {Record<string, (a: Transfer, b: Transfer) => number>} */
const comparisons = {
  name: (a, b) => collator.compare(a.path + a.name, b.path + b.name),
  size: (a, b) => b.size - a.size,
  status: (a, b) => groupOrder.indexOf(groupOf(a.phase)) - groupOrder.indexOf(groupOf(b.phase)),
};

/** Chooses what the list shows, and in which order. */
export class ListView {
  /** all, or a group of phases */
  filter = "all";
  /** added, name, size or status */
  order = "added";
  /** The folders by their name, the first segment of paths. @type {Map<string, FolderRow>} */
  folders = new Map();

  /** @param {HTMLTemplateElement} template of folders */
  constructor(template) { this.template = template; }

  /** Whether a changed phase may change what is shown. */
  get dependsOnPhase() { return this.filter !== "all" || this.order === "status"; }

  /** Adds an upload to the sums of its folder, or updates them. @param {Transfer} t @returns {FolderRow | undefined} */
  update(t) {
    const name = folderOf(t);
    if (name === "") return undefined;
    const folder = this.folders.get(name) ?? new FolderRow(name, this.template);
    this.folders.set(name, folder);
    folder.totals.update(t);
    return folder;
  }

  /** @param {Transfer} t */
  remove(t) {
    const name = folderOf(t), folder = this.folders.get(name);
    folder?.totals.remove(t);
    if (folder?.totals.count === 0) this.folders.delete(name);
  }

  /**
   * Returns the folders and uploads to show, in order: the uploads of open folders follow them. With a filter there are
   * no folders.
   * @param {Iterable<Transfer>} all
   * @returns {(FolderRow | Transfer)[]}
   */
  items(all) {
    const compare = comparisons[this.order];
    const shown = this.filter === "all" ? [...all] : [...all].filter((t) => groupOf(t.phase) === this.filter);
    if (compare) shown.sort(compare);
    if (this.filter !== "all") return shown;
    /** A folder stands where its first upload would. @type {Map<Transfer | FolderRow, Transfer[]>} */
    const byFolder = new Map();
    for (const t of shown) {
      const folder = this.folders.get(folderOf(t));
      if (!folder) byFolder.set(t, []);
      else if (byFolder.has(folder)) byFolder.get(folder)?.push(t);
      else byFolder.set(folder, [t]);
    }
    return [...byFolder].flatMap(([item, files]) => ("isOpen" in item && !item.isOpen ? [item] : [item, ...files]));
  }
}

/** @param {Transfer} t */
const folderOf = ({ path }) => path.slice(0, path.indexOf("/") + 1).slice(0, -1);
