// @ts-check
/** Copies text. Returns false if the browser does not allow that. @param {string} text @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // not allowed, or the page was loaded over plain HTTP
    return false;
  }
}

/** Quotes text for a shell. @param {string} text */
export const quote = (text) => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
