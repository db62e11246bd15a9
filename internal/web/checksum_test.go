package web_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/internal/web"
)

// nvme returns the checksum of text in S3's notation.
func nvme(text []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(text)))
}

// checksumScript computes the checksum of text in three ways: at once, in pieces that are not aligned to words, and
// combined from those of parts.
const checksumScript = `(async () => {
  const { Checksum, CombinedChecksum } = await import("/client/checksum.js");
  const text = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
  const checksum = (...pieces) => {
    const sum = new Checksum();
    for (const p of pieces) sum.add(p);
    return sum.value();
  };
  const pieces = [], combined = new CombinedChecksum();
  for (let at = 0, length = 1; at < text.length; at += length, length = length %% 13 + 1) {
    pieces.push(text.subarray(at, at + length));
  }
  for (let at = 0; at < text.length; at += 100) {
    const part = text.subarray(at, at + 100);
    combined.add(checksum(part), part.length);
  }
  return [checksum(text), checksum(...pieces), combined.value()];
})()`

func TestChecksum(t *testing.T) {
	s := start(t, web.UI{}, nil)
	tab := s.browse(t)
	random := rand.NewChaCha8([32]byte{})
	texts := [][]byte{nil, []byte("123456789"), make([]byte, 32)}
	for _, length := range []int{1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 99, 100, 101, 1000, 4096, 65537} {
		text := make([]byte, length)
		_, _ = random.Read(text)
		texts = append(texts, text)
	}
	for _, text := range texts {
		got := evaluate[[]string](t, tab, fmt.Sprintf(checksumScript, base64.StdEncoding.EncodeToString(text)))
		for i, how := range []string{"at once", "in pieces", "combined"} {
			if want := nvme(text); got[i] != want {
				t.Errorf("checksum of %d bytes, %s: got %s, want %s", len(text), how, got[i], want)
			}
		}
	}
	check := []byte{0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88}
	if got, want := nvme([]byte("123456789")), base64.StdEncoding.EncodeToString(check); got != want {
		t.Errorf("crc64nvme of 123456789: got %s, want %s, the check value of the CRC catalogue", got, want)
	}
}

// TestMD5: MD5 sums are those of crypto/md5, at once and in pieces that are not aligned to blocks.
func TestMD5(t *testing.T) {
	s := start(t, web.UI{}, nil)
	tab := s.browse(t)
	random := rand.NewChaCha8([32]byte{})
	for _, length := range []int{0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 65537} {
		text := make([]byte, length)
		_, _ = random.Read(text)
		got := evaluate[[]string](t, tab, fmt.Sprintf(`(async () => {
			const { MD5 } = await import("/client/md5.js");
			const text = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
			const whole = new MD5(), pieces = new MD5();
			whole.add(text);
			for (let at = 0, size = 1; at < text.length; at += size, size = size * 7 %% 130) {
				pieces.add(text.subarray(at, at + size));
			}
			return [whole.value(), pieces.value()];
		})()`, base64.StdEncoding.EncodeToString(text)))
		if want := fmt.Sprintf("%x", md5.Sum(text)); got[0] != want || got[1] != want {
			t.Errorf("MD5 of %d bytes: got %q, want %s twice", length, got, want)
		}
	}
}

// TestWorker hashes several slices concurrently in a worker, and cancels one of them.
func TestWorker(t *testing.T) {
	s := start(t, web.UI{}, nil)
	got := evaluate[[]string](t, s.browse(t), `(async () => {
		const { Hasher } = await import("/client/hasher.js");
		const hasher = new Hasher(), never = new AbortController().signal, stop = new AbortController();
		const text = new Uint8Array(9 << 20).map((_, i) => i * 7);
		const canceled = hasher.sum(new Blob([text]), stop.signal).catch((why) => why.message);
		const slices = [0, 1, 5 << 20].map((at) => hasher.sum(new Blob([text]).slice(at), never));
		stop.abort(new Error("canceled"));
		return Promise.all([canceled, ...slices]);
	})()`)
	text := make([]byte, 9<<20)
	for i := range text {
		text[i] = byte(i * 7)
	}
	for i, want := range []string{"canceled", nvme(text), nvme(text[1:]), nvme(text[5<<20:])} {
		if got[i] != want {
			t.Errorf("result %d of the worker: got %s, want %s", i, got[i], want)
		}
	}
}
