package upload

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm is S3's name of a checksum, in lower case, or None.
type Algorithm string

// The checksums that an upload can declare. Those of parts are combined to that of the whole, so only the CRCs work in parts.
const (
	CRC64NVME Algorithm = "crc64nvme"
	CRC32C    Algorithm = "crc32c"
	CRC32     Algorithm = "crc32"
	SHA256    Algorithm = "sha256" // in one request alone
	None      Algorithm = "none"
)

// inParts reports whether the checksums of parts make that of the whole.
func (a Algorithm) inParts() bool { return a != SHA256 }

func (a Algorithm) hash() hash.Hash {
	switch a {
	case CRC64NVME:
		return crc64nvme.New()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC32:
		return crc32.NewIEEE()
	case SHA256:
		return sha256.New()
	}
	return nil
}

// value is a sum as S3 spells it: the base64 of its bytes, most significant first.
func value(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// whole combines the CRCs of consecutive parts to that of all their bytes, so that nothing is read twice to be hashed.
type whole struct {
	algorithm Algorithm
	crc       uint64
}

// add appends a part of length bytes whose base64 checksum is sum.
func (w *whole) add(sum string, length int64) error {
	bytes, err := base64.StdEncoding.DecodeString(sum)
	if err != nil {
		return err
	}
	switch w.algorithm {
	case CRC64NVME:
		w.crc = combine(crc64Reversed, 64, w.crc, binary.BigEndian.Uint64(bytes), length)
	case CRC32C:
		w.crc = combine(crc32.Castagnoli, 32, w.crc, uint64(binary.BigEndian.Uint32(bytes)), length)
	case CRC32:
		w.crc = combine(crc32.IEEE, 32, w.crc, uint64(binary.BigEndian.Uint32(bytes)), length)
	}
	return nil
}

func (w *whole) value() string {
	if w.algorithm != CRC64NVME {
		return value(binary.BigEndian.AppendUint32(nil, uint32(w.crc)))
	}
	return value(binary.BigEndian.AppendUint64(nil, w.crc))
}

// crc64Reversed is the polynomial of CRC-64/NVME, bits reversed: https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme.
const crc64Reversed = 0x9a6c9329ac4bc9b5

// combine returns the CRC of a's bytes followed by b's, of which there are length: a moved on by as many zero bytes, and b. Zeros
// move a CRC on by a linear map over GF(2), so that the map of many zeros is that of one squared again and again. It is what
// zlib's crc32_combine does, for any reflected CRC whose first and last complement are the same.
func combine(polynomial uint64, bits int, a, b uint64, length int64) uint64 {
	zero := make(matrix, bits) // one zero bit
	zero[0] = polynomial
	for i := 1; i < bits; i++ {
		zero[i] = 1 << (i - 1)
	}
	for range 3 { // one zero byte
		zero = zero.squared()
	}
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			a = zero.times(a)
		}
		zero = zero.squared()
	}
	return a ^ b
}

// matrix is a square one over GF(2), by columns.
type matrix []uint64

func (m matrix) times(vector uint64) (product uint64) {
	for i := 0; vector != 0; i, vector = i+1, vector>>1 {
		if vector&1 == 1 {
			product ^= m[i]
		}
	}
	return product
}

func (m matrix) squared() matrix {
	square := make(matrix, len(m))
	for i, column := range m {
		square[i] = m.times(column)
	}
	return square
}
