// @ts-check
// MD5, RFC 1321: the ETag of a part, unless it is encrypted. It only tells whether a part is the one of the file.

/**
 * Returns the class that computes an MD5 sum. The function refers to nothing outside, because its text also runs in a
 * worker.
 */
export function defineMD5() {
  const sines = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);
  const shifts = Int32Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21);
  const blockSize = 64; // in bytes

  /** Computes an MD5 sum incrementally. */
  return class MD5 {
    #state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
    #words = new Int32Array(16);
    #block = new Uint8Array(blockSize);
    #length = 0;

    /** @param {Uint8Array} bytes */
    add(bytes) {
      let at = 0;
      const filled = this.#length % blockSize;
      this.#length += bytes.length;
      if (filled > 0) {
        at = Math.min(blockSize - filled, bytes.length);
        this.#block.set(bytes.subarray(0, at), filled);
        if (filled + at < blockSize) return;
        this.#addBlock(new DataView(this.#block.buffer), 0);
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (; at + blockSize <= bytes.length; at += blockSize) this.#addBlock(view, at);
      this.#block.set(bytes.subarray(at));
    }

    /** @param {DataView} view @param {number} at */
    #addBlock(view, at) {
      const state = this.#state, words = this.#words;
      for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i, true);
      let a = state[0], b = state[1], c = state[2], d = state[3];
      for (let i = 0; i < 64; i++) {
        let mixed, word;
        if (i < 16) mixed = d ^ (b & (c ^ d)), word = i;
        else if (i < 32) mixed = c ^ (d & (b ^ c)), word = (5 * i + 1) & 15;
        else if (i < 48) mixed = b ^ c ^ d, word = (3 * i + 5) & 15;
        else mixed = c ^ (b | ~d), word = (7 * i) & 15;
        const sum = (a + mixed + sines[i] + words[word]) | 0, shift = shifts[((i >> 4) << 2) | (i & 3)];
        a = d;
        d = c;
        c = b;
        b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
      }
      state[0] += a;
      state[1] += b;
      state[2] += c;
      state[3] += d;
    }

    /** Returns the sum of all bytes in hexadecimal digits. Nothing can be added after it. */
    value() {
      const length = this.#length, zeros = (119 - length % blockSize) % blockSize;
      const end = new Uint8Array(1 + zeros + 8);
      end[0] = 0x80;
      const view = new DataView(end.buffer);
      view.setUint32(1 + zeros, length * 8, true); // of a number above 2 ** 32, the lower half
      view.setUint32(5 + zeros, Math.floor(length / 2 ** 29), true);
      this.add(end);
      return [...new Uint8Array(this.#state.buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }
  };
}

export const MD5 = defineMD5();
