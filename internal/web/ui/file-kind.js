// @ts-check
/** File extensions by the kind of icon. */
const kinds = {
  image: "avif bmp gif heic jpeg jpg png svg tif tiff webp", video: "avi m4v mkv mov mp4 mpeg webm",
  audio: "aac flac m4a mp3 ogg opus wav", archive: "7z bz2 gz rar tar tgz xz zip zst",
  text: "csv doc docx json log md odt pdf rtf tsv txt xls xlsx xml yaml yml",
};

const byExtension = new Map(Object.entries(kinds).flatMap(([kind, list]) => list.split(" ").map((e) => [e, kind])));

/** Returns the kind of a file, which its icon shows. @param {string} name */
export const fileKind = (name) => byExtension.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? "file";
