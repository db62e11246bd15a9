package upload

import (
	"testing"
)

// FuzzWhole: the combined checksums of pieces equal the checksum of the whole.
func FuzzWhole(f *testing.F) {
	f.Add([]byte("123456789"), uint(3), uint(5))
	f.Add([]byte{}, uint(0), uint(0))
	f.Add(make([]byte, 70000), uint(65536), uint(65537))
	f.Fuzz(func(t *testing.T, text []byte, x, y uint) {
		first := min(int(x%uint(len(text)+1)), int(y%uint(len(text)+1)))
		second := max(int(x%uint(len(text)+1)), int(y%uint(len(text)+1)))
		for _, a := range []Algorithm{CRC64NVME, CRC32C, CRC32} {
			sum := func(b []byte) string {
				h := a.Hash()
				h.Write(b)
				return EncodeChecksum(h.Sum(nil))
			}
			w := combinedCRC{algorithm: a}
			for _, piece := range [][]byte{text[:first], text[first:second], text[second:]} {
				if err := w.add(sum(piece), int64(len(piece))); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := w.value(), sum(text); got != want {
				t.Errorf("%s of %d bytes, cut at %d and %d: got %s, want %s", a, len(text), first, second, got, want)
			}
		}
	})
}
