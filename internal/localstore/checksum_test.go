package localstore_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/crc64nvme"
)

// sums are content's checksums in S3's format.
func sums(content string) map[string]string {
	b := []byte(content)
	of1, of256 := sha1.Sum(b), sha256.Sum256(b)
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	text := base64.StdEncoding.EncodeToString
	return map[string]string{
		"sha1":      text(of1[:]),
		"sha256":    text(of256[:]),
		"crc32":     text(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))),
		"crc32c":    text(binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli))),
		"crc64nvme": text(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(b))),
	}
}

func TestSignedChecksum(t *testing.T) {
	s := start(t, t.TempDir())
	for algorithm, sum := range sums("content") {
		header := http.Header{"X-Amz-Checksum-" + algorithm: {sum}}
		for content, want := range map[string]int{"content": 200, "Content": 400} {
			key := algorithm + "-" + content
			req := presignWith(t, s, s.Credentials(), "PUT", key, time.Now(), "900", header)
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(content)), 7
			status, code, _ := send(t, req)
			if status != want || (want == 400 && code != "BadDigest") {
				t.Errorf("%s of %q = %d %s, want %d", algorithm, content, status, code, want)
			}
			if _, ok := stored(t, s, key); ok != (want == 200) {
				t.Errorf("%s of %q stored: %v", algorithm, content, ok)
			}
		}
		head, err := client(s).HeadObject(t.Context(), &s3.HeadObjectInput{
			Bucket: aws.String(s.Bucket()), Key: aws.String(algorithm + "-content"), ChecksumMode: "ENABLED",
		})
		if err != nil {
			t.Fatalf("HeadObject: %v", err)
		}
		got := map[string]*string{
			"sha1": head.ChecksumSHA1, "sha256": head.ChecksumSHA256, "crc32": head.ChecksumCRC32,
			"crc32c": head.ChecksumCRC32C, "crc64nvme": head.ChecksumCRC64NVME,
		}
		if aws.ToString(got[algorithm]) != sum {
			t.Errorf("HEAD has %s %q, want %q", algorithm, aws.ToString(got[algorithm]), sum)
		}
	}
}
