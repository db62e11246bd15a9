package upload

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm is an S3 checksum algorithm in lower case, or None.
type Algorithm string

// The algorithms that an upload can declare. Only CRCs work for multipart uploads, because the CRCs of the parts are
// combined into the CRC of the object.
const (
	CRC64NVME Algorithm = "crc64nvme"
	CRC32C    Algorithm = "crc32c"
	CRC32     Algorithm = "crc32"
	SHA256    Algorithm = "sha256"
	None      Algorithm = "none"
)

// combinable reports whether the checksums of parts can be combined.
func (a Algorithm) combinable() bool { return a != SHA256 }

// Hash returns a hash for any algorithm of S3, or nil.
func (a Algorithm) Hash() hash.Hash {
	switch a {
	case CRC64NVME:
		return crc64nvme.New()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC32:
		return crc32.NewIEEE()
	case SHA256:
		return sha256.New()
	case "sha1":
		return sha1.New()
	}
	return nil
}

// EncodeChecksum returns a sum in S3's notation: base64 of its big-endian bytes.
func EncodeChecksum(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// combinedCRC combines the CRCs of consecutive parts into the CRC of all their bytes, so that the file is hashed once.
type combinedCRC struct {
	algorithm Algorithm
	crc       uint64
}

// add appends a part of length bytes whose base64 checksum is sum.
func (c *combinedCRC) add(sum string, length int64) error {
	bytes, err := base64.StdEncoding.DecodeString(sum)
	if err != nil {
		return err
	}
	switch c.algorithm {
	case CRC64NVME:
		c.crc = combine(crc64Reversed, 64, c.crc, binary.BigEndian.Uint64(bytes), length)
	case CRC32C:
		c.crc = combine(crc32.Castagnoli, 32, c.crc, uint64(binary.BigEndian.Uint32(bytes)), length)
	case CRC32:
		c.crc = combine(crc32.IEEE, 32, c.crc, uint64(binary.BigEndian.Uint32(bytes)), length)
	}
	return nil
}

func (c *combinedCRC) value() string {
	if c.algorithm != CRC64NVME {
		return EncodeChecksum(binary.BigEndian.AppendUint32(nil, uint32(c.crc)))
	}
	return EncodeChecksum(binary.BigEndian.AppendUint64(nil, c.crc))
}

// crc64Reversed is the reversed polynomial of CRC-64/NVME:
// https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme.
const crc64Reversed = 0x9a6c9329ac4bc9b5

// combine returns the CRC of a's bytes followed by the length bytes of b: it appends length zero bytes to a, and adds
// b. Appending zeros is a linear map over GF(2), so the map for many zeros is computed by repeated squaring. zlib's
// crc32_combine does the same. It works for any reflected CRC whose initial and final complement are equal.
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

// matrix is a square matrix over GF(2), stored by columns.
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
