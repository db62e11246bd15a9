// @ts-check
// CRC-64/NVME, S3's own checksum: https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme. JavaScript has no fast
// integers of 64 bits, so that a CRC is two halves of 32. WebAssembly would be faster, but the page's policy allows none.

/** The polynomial, bits reversed. */
const polynomial = 0x9a6c9329ac4bc9b5n;

/** How many bytes are taken at a time, with one table for each. */
const slices = 8;

/**
 * For each slice 256 entries, each a low and a high half: what a byte makes of the CRC once it and so many zero bytes after it are
 * through. Side by side, both halves are in one line of the processor's cache.
 */
const table = makeTable();

function makeTable() {
  const made = new Int32Array(slices * 512);
  for (let byte = 0; byte < 256; byte++) {
    let crc = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
    made[byte * 2] = Number(crc & 0xffffffffn);
    made[byte * 2 + 1] = Number(crc >> 32n);
  }
  for (let i = 512; i < made.length; i += 2) { // one zero byte more than the slice before
    const low = made[i - 512], high = made[i - 511], next = (low & 0xff) * 2;
    made[i] = ((low >>> 8) | (high << 24)) ^ made[next];
    made[i + 1] = (high >>> 8) ^ made[next + 1];
  }
  return made;
}

/** A checksum that is made bit by bit. */
export class Checksum {
  #low = -1;
  #high = -1;

  /** @param {Uint8Array} bytes */
  add(bytes) {
    const start = Math.min(bytes.length, -bytes.byteOffset & 3); // up to where whole words begin
    const words = (bytes.length - start) >>> 3;
    this.#addBytes(bytes, 0, start);
    if (words > 0) this.#addWords(new Int32Array(bytes.buffer, bytes.byteOffset + start, words * 2));
    this.#addBytes(bytes, start + words * slices, bytes.length);
  }

  /** @param {Uint8Array} bytes @param {number} from @param {number} to */
  #addBytes(bytes, from, to) {
    let low = this.#low, high = this.#high;
    for (let i = from; i < to; i++) {
      const at = ((low ^ bytes[i]) & 0xff) << 1;
      low = ((low >>> 8) | (high << 24)) ^ table[at];
      high = (high >>> 8) ^ table[at + 1];
    }
    this.#low = low;
    this.#high = high;
  }

  /**
   * Takes words as the machine has them, which all machines that run browsers have with the lowest byte first.
   * @param {Int32Array} words
   */
  #addWords(words) {
    const t = table;
    let low = this.#low, high = this.#high;
    for (let i = 0; i < words.length; i += 2) {
      const x = low ^ words[i], y = high ^ words[i + 1];
      const a = 3584 + ((x & 0xff) << 1), b = 3072 + ((x >>> 7) & 0x1fe), c = 2560 + ((x >>> 15) & 0x1fe), d = 2048 + ((x >>> 23) & 0x1fe);
      const e = 1536 + ((y & 0xff) << 1), f = 1024 + ((y >>> 7) & 0x1fe), g = 512 + ((y >>> 15) & 0x1fe), h = (y >>> 23) & 0x1fe;
      low = t[a] ^ t[b] ^ t[c] ^ t[d] ^ t[e] ^ t[f] ^ t[g] ^ t[h];
      high = t[a + 1] ^ t[b + 1] ^ t[c + 1] ^ t[d + 1] ^ t[e + 1] ^ t[f + 1] ^ t[g + 1] ^ t[h + 1];
    }
    this.#low = low;
    this.#high = high;
  }

  /** The checksum of all bytes so far, as S3 spells it. */
  value() {
    const number = (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
    return spell(number);
  }
}

/** The checksum of a file in parts, made of those of its parts, so that nothing is read twice to be hashed. */
export class Whole {
  #crc = 0n;
  #length = -1;
  #shift = 0n;

  /**
   * Appends a part.
   * @param {string} sum as S3 spells it
   * @param {number} length of the part in bytes
   */
  add(sum, length) {
    if (length !== this.#length) { // all parts but the last have one length
      this.#length = length;
      this.#shift = zeroBytes(length);
    }
    this.#crc = multiply(this.#shift, this.#crc) ^ read(sum);
  }

  value() { return spell(this.#crc); }
}

// A CRC is a polynomial over GF(2), its highest bit the coefficient of x^0. Bytes that follow multiply it with x^8 each, modulo the
// polynomial, and add their own CRC. It is what zlib's crc32_combine_op does, for 64 bits.

/** @param {number} count @returns {bigint} x^(8 count) modulo the polynomial */
function zeroBytes(count) {
  let power = 1n << 63n, square = 1n << 55n; // x^0 and x^8
  for (let left = BigInt(count); left > 0n; left >>= 1n) {
    if (left & 1n) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}

/** @param {bigint} a @param {bigint} b */
function multiply(a, b) {
  let product = 0n;
  for (let bit = 1n << 63n; bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= b;
    b = b & 1n ? (b >> 1n) ^ polynomial : b >> 1n;
  }
  return product;
}

/** The base64 of the bytes, most significant first. @param {bigint} crc */
function spell(crc) {
  const bytes = [];
  for (let shift = 56n; shift >= 0n; shift -= 8n) bytes.push(Number((crc >> shift) & 0xffn));
  return btoa(String.fromCharCode(...bytes));
}

/** @param {string} sum */
function read(sum) {
  let crc = 0n;
  for (const c of atob(sum)) crc = (crc << 8n) | BigInt(c.charCodeAt(0));
  return crc;
}
