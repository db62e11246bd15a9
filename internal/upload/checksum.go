package upload

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/gen/client"
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

// ChecksumOf returns the checksum of an import: that of its object or, from a store that verifies none, the declared
// one.
func ChecksumOf(c client.VerifiedChecksum) string { return cmp.Or(c.Value, c.Declared) }

// EncodeChecksum returns a sum in S3's notation: base64 of its big-endian bytes.
func EncodeChecksum(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// polynomials are the reversed polynomials of the CRCs. Package crc64nvme does not export its own:
// https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme.
var polynomials = map[Algorithm]uint64{
	CRC64NVME: 0x9a6c9329ac4bc9b5, CRC32C: crc32.Castagnoli, CRC32: crc32.IEEE,
}

// CombineCRCs returns the CRC of size bytes from the CRCs of their parts, so that a file is hashed once. The parts have
// partSize bytes, and the last may have fewer.
func CombineCRCs(a Algorithm, sums []string, partSize, size int64) (string, error) {
	width := a.Hash().Size()
	var whole uint64
	for i, sum := range sums {
		bytes, err := base64.StdEncoding.DecodeString(sum)
		if err != nil {
			return "", err
		}
		var crc uint64
		for _, b := range bytes {
			crc = crc<<8 | uint64(b)
		}
		length := min(partSize, size-int64(i)*partSize)
		whole = appendZeros(polynomials[a], 8*width, whole, length) ^ crc
	}
	return EncodeChecksum(binary.BigEndian.AppendUint64(nil, whole)[8-width:]), nil
}

// appendZeros returns the CRC of some bytes and length zero bytes. Appending a zero byte multiplies the CRC by x^8, a
// polynomial over GF(2), so the power for all of them is computed by repeated squaring. zlib's crc32_combine does the
// same. It works for any reflected CRC whose initial and final complement are equal.
func appendZeros(polynomial uint64, bits int, crc uint64, length int64) uint64 {
	multiply := func(a, b uint64) (product uint64) {
		for bit := uint64(1) << (bits - 1); bit != 0; bit >>= 1 {
			if a&bit != 0 {
				product ^= b
			}
			carry := b & 1
			b = b>>1 ^ carry*polynomial
		}
		return product
	}
	power := uint64(1) << (bits - 9) // x^8: the highest bit is x^0
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			crc = multiply(power, crc)
		}
		power = multiply(power, power)
	}
	return crc
}
