package upload

import (
	"slices"
	"testing"
)

// FuzzCombineCRCs: the combined checksums of parts equal the checksum of the whole.
func FuzzCombineCRCs(f *testing.F) {
	f.Add([]byte("123456789"), uint16(3))
	f.Add([]byte("123456789"), uint16(8))
	f.Add([]byte{}, uint16(1))
	f.Add(make([]byte, 70000), uint16(65535))
	f.Fuzz(func(t *testing.T, text []byte, partSize uint16) {
		for _, a := range []Algorithm{CRC64NVME, CRC32C, CRC32} {
			sum := func(b []byte) string {
				h := a.Hash()
				h.Write(b)
				return EncodeChecksum(h.Sum(nil))
			}
			size := max(int(partSize), 1+len(text)/1000)
			sums := []string{}
			for part := range slices.Chunk(text, size) {
				sums = append(sums, sum(part))
			}
			got, err := CombineCRCs(a, sums, int64(size), int64(len(text)))
			if want := sum(text); err != nil || got != want {
				t.Errorf("%s of %d bytes in parts of %d: got %s, %v, want %s", a, len(text), size, got, err, want)
			}
		}
	})
}
