package imports

import (
	"encoding/base64"
	"strings"
)

// digests are the checksums that a client may declare: their size in bytes, and the base64 of that of no bytes.
var digests = map[string]struct {
	size  int
	empty string
}{
	"sha256":    {32, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
	"sha1":      {20, "2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
	"crc32":     {4, "AAAAAA=="},
	"crc32c":    {4, "AAAAAA=="},
	"crc64nvme": {8, "AAAAAAAAAAA="},
}

// isDigest reports whether value is base64 of as many bytes as algorithm produces.
func isDigest(algorithm, value string) bool {
	digest, err := base64.StdEncoding.Strict().DecodeString(value)
	return err == nil && len(digest) == digests[algorithm].size
}

// isCRC reports whether the store can compute the checksum of the whole object from those of its parts.
func isCRC(algorithm string) bool { return strings.HasPrefix(algorithm, "crc") }

// checkChecksum checks the checksum of a new import.
func (r Request) checkChecksum(errs *fieldErrors) {
	c, parts := r.Checksum, r.mode() == Multipart
	switch {
	case parts && !isCRC(c.Algorithm):
		errs.add(path{"checksum", "algorithm"}, notCRC)
	case c.Value == "" && !parts:
		errs.add(path{"checksum", "value"}, "is missing")
	case c.Value != "" && !isDigest(c.Algorithm, c.Value):
		errs.add(path{"checksum", "value"}, notDigest, digests[c.Algorithm].size, c.Algorithm)
	case c.Value != "" && r.Size != nil && *r.Size == 0 && c.Value != digests[c.Algorithm].empty:
		errs.add(path{"checksum", "value"}, "must be %s, the %s of an empty file, because size is 0",
			digests[c.Algorithm].empty, c.Algorithm)
	}
}

// The messages about checksums that a creation and a completion share.
const (
	notCRC    = "must be crc64nvme, crc32c or crc32, which S3 verifies for the whole object of a multipart upload"
	notDigest = "must be %d bytes in standard base64 with padding, the size of a %s checksum"
)

// withChecksum returns j with the checksum of the whole object that a completion declares.
func (j Job) withChecksum(whole *Checksum) (Job, error) {
	if whole == nil {
		return j, nil
	}
	algorithm, value := path{"checksum", "algorithm"}, path{"checksum", "value"}
	declared := j.Checksum
	switch {
	case declared != nil && declared.Algorithm != whole.Algorithm:
		return Job{}, invalidField(algorithm, "must be %s, as the import declared", declared.Algorithm)
	case !isCRC(whole.Algorithm):
		return Job{}, invalidField(algorithm, notCRC)
	case !isDigest(whole.Algorithm, whole.Value):
		return Job{}, invalidField(value, notDigest, digests[whole.Algorithm].size, whole.Algorithm)
	case declared != nil && declared.Value == whole.Value:
		return j, nil
	case declared != nil && declared.Value != "":
		return Job{}, invalidField(value, "must be %s, as the import declared", declared.Value)
	}
	j.Checksum = &Checksum{Algorithm: whole.Algorithm, Value: whole.Value, Late: true}
	return j, nil
}

// withoutLateChecksum returns j without the checksum of a completion that failed.
func (j Job) withoutLateChecksum() Job {
	if j.Checksum == nil || !j.Checksum.Late {
		return j
	}
	j.Checksum = nil
	if j.Parts.Algorithm != "" {
		j.Checksum = &Checksum{Algorithm: j.Parts.Algorithm}
	}
	return j
}
