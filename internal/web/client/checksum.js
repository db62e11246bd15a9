// @ts-check
// CRC-64/NVME, S3's default checksum: https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme.
// JavaScript has no fast 64-bit integers, so a CRC is stored as two halves of 32 bits. WebAssembly would be faster, but
// the Content-Security-Policy does not allow it.

/**
 * Returns the class that computes a checksum. The function refers to nothing outside, because its text also runs in a
 * worker.
 */
export function defineChecksum() {
  /** The reversed polynomial. */
  const polynomial = 0x9a6c9329ac4bc9b5n;

  /** The number of bytes that are processed at a time, each with its own table (slicing-by-8). */
  const slices = 8;

  /**
   * For each slice 256 entries, each a low and a high half: the CRC of a byte that is followed by so many zero bytes.
   * Both halves are adjacent, so that they are in one cache line.
   */
  const table = makeTable();

  function makeTable() {
    const t = new Int32Array(slices * 512);
    for (let byte = 0; byte < 256; byte++) {
      let crc = BigInt(byte);
      for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
      t[byte * 2] = Number(crc & 0xffffffffn);
      t[byte * 2 + 1] = Number(crc >> 32n);
    }
    for (let i = 512; i < t.length; i += 2) { // one more zero byte than the previous slice
      const low = t[i - 512], high = t[i - 511], next = (low & 0xff) * 2;
      t[i] = ((low >>> 8) | (high << 24)) ^ t[next];
      t[i + 1] = (high >>> 8) ^ t[next + 1];
    }
    return t;
  }

  /** Returns the base64 of the big-endian bytes. @param {bigint} crc */
  function encode(crc) {
    const bytes = [];
    for (let shift = 56n; shift >= 0n; shift -= 8n) bytes.push(Number((crc >> shift) & 0xffn));
    return btoa(String.fromCharCode(...bytes));
  }

  /** Computes a checksum incrementally. */
  return class Checksum {
    static polynomial = polynomial;
    static encode = encode;
    #low = -1;
    #high = -1;

    /** @param {Uint8Array} bytes */
    add(bytes) {
      const start = Math.min(bytes.length, -bytes.byteOffset & 3); // the words must be aligned
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
     * Adds words in the machine's byte order, which is little-endian wherever browsers run.
     * @param {Int32Array} words
     */
    #addWords(words) {
      const t = table;
      let low = this.#low, high = this.#high;
      for (let i = 0; i < words.length; i += 2) {
        const x = low ^ words[i], y = high ^ words[i + 1];
        const a = 3584 + ((x & 0xff) << 1), b = 3072 + ((x >>> 7) & 0x1fe), c = 2560 + ((x >>> 15) & 0x1fe);
        const d = 2048 + ((x >>> 23) & 0x1fe), e = 1536 + ((y & 0xff) << 1), f = 1024 + ((y >>> 7) & 0x1fe);
        const g = 512 + ((y >>> 15) & 0x1fe), h = (y >>> 23) & 0x1fe;
        low = t[a] ^ t[b] ^ t[c] ^ t[d] ^ t[e] ^ t[f] ^ t[g] ^ t[h];
        high = t[a + 1] ^ t[b + 1] ^ t[c + 1] ^ t[d + 1] ^ t[e + 1] ^ t[f + 1] ^ t[g + 1] ^ t[h + 1];
      }
      this.#low = low;
      this.#high = high;
    }

    /** Returns the checksum of all bytes so far in S3's notation. */
    value() {
      const number = (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
      return encode(number);
    }
  };
}

export const Checksum = defineChecksum();
const { polynomial, encode } = Checksum;

/**
 * Combines the checksums of consecutive parts into the checksum of all their bytes, so that the file is hashed once.
 */
export class CombinedChecksum {
  #crc = 0n;
  #length = -1;
  #shift = 0n;

  /**
   * Appends a part.
   * @param {string} sum in S3's notation
   * @param {number} length in bytes
   */
  add(sum, length) {
    if (length !== this.#length) { // all parts but the last have the same length
      this.#length = length;
      this.#shift = zeroBytes(length);
    }
    this.#crc = multiply(this.#shift, this.#crc) ^ decode(sum);
  }

  value() { return encode(this.#crc); }
}

// A CRC is a polynomial over GF(2) whose highest bit is the coefficient of x^0. Each following byte multiplies it by
// x^8, modulo the polynomial. zlib's crc32_combine_op does the same for 32 bits.

/** Returns x^(8 count) modulo the polynomial. @param {number} count @returns {bigint} */
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

/** @param {string} sum */
function decode(sum) {
  let crc = 0n;
  for (const c of atob(sum)) crc = (crc << 8n) | BigInt(c.charCodeAt(0));
  return crc;
}
