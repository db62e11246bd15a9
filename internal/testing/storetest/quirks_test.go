package storetest_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestQuirks observes a store without quirks, and with each alone.
func TestQuirks(t *testing.T) {
	if testing.Short() || storetest.IsRemote() {
		t.Skip("starts a local store")
	}
	target := storetest.Open(t)
	none := storetest.NewQuirky(t, target.AWS, target.Bucket, 0)
	for _, c := range []struct {
		quirk         storetest.Quirk
		observe       func(quirkClient, *testing.T) string
		usual, quirky string
	}{
		{storetest.ListsUploadsByExactKey, quirkClient.uploads, "prefix 1, key 1", "prefix 0, key 1"},
		{storetest.ListsLostParts, quirkClient.sentAgain, `1: 3 bytes`, `1: 0 bytes`},
		{storetest.ListsPartsTwice, quirkClient.sentAgain, `1: 3 bytes`, `1: 2 bytes, 1: 3 bytes`},
		{storetest.ListsPartsTwiceReversed, quirkClient.sentAgain, `1: 3 bytes`, `1: 3 bytes, 1: 2 bytes`},
		{storetest.ListsNoChecksums, quirkClient.checksums, "part true, object true", "part false, object false"},
		{storetest.IgnoresWholeChecksum, quirkClient.wrongWhole, "BadDigest", ""},
		{storetest.AnswersContentChecksumMismatch, quirkClient.wrongWhole, "BadDigest", "XAmzContentChecksumMismatch"},
		{storetest.RefusesQuotedIfMatch, quirkClient.ifMatch, "quoted , stale PreconditionFailed",
			"quoted PreconditionFailed, unquoted , stale PreconditionFailed"},
		{storetest.IgnoresConditions, quirkClient.ifMatch, "quoted , stale PreconditionFailed", "quoted , stale "},
	} {
		t.Run(c.quirk.String(), func(t *testing.T) {
			with := storetest.NewQuirky(t, target.AWS, target.Bucket, c.quirk)
			if got := c.observe(newQuirkClient(none.AWS, target.Bucket), t); got != c.usual {
				t.Errorf("without quirks: got %q, want %q", got, c.usual)
			}
			if got := c.observe(newQuirkClient(with.AWS, target.Bucket), t); got != c.quirky {
				t.Errorf("with it: got %q, want %q", got, c.quirky)
			}
		})
	}
}

// quirkClient makes calls to a store with keys of its own.
type quirkClient struct {
	*s3.Client
	bucket *string
	prefix string
}

func newQuirkClient(settings aws.Config, bucket string) quirkClient {
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	return quirkClient{client, &bucket, "quirks/" + uuid.NewString() + "/"}
}

func codeOf(err error) string {
	var e smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.ErrorCode()
	}
	return err.Error()
}

// create creates an upload with checksums of the whole object, and sends its first part once for each content.
func (c quirkClient) create(t *testing.T, contents ...string) (key, id *string) {
	key = aws.String(c.prefix + "k")
	created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: c.bucket, Key: key, ChecksumAlgorithm: "CRC64NVME", ChecksumType: "FULL_OBJECT",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range contents {
		if _, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: c.bucket, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(1),
			Body: strings.NewReader(content), ChecksumAlgorithm: "CRC64NVME",
		}); err != nil {
			t.Fatal(err)
		}
	}
	return key, created.UploadId
}

func (c quirkClient) parts(t *testing.T, key, id *string) []types.Part {
	out, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: c.bucket, Key: key, UploadId: id})
	if err != nil {
		t.Fatal(err)
	}
	return out.Parts
}

func (c quirkClient) uploads(t *testing.T) string {
	key, _ := c.create(t)
	var counts [2]int
	for i, prefix := range []string{c.prefix, *key} {
		in := &s3.ListMultipartUploadsInput{Bucket: c.bucket, Prefix: &prefix}
		out, err := c.ListMultipartUploads(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		counts[i] = len(out.Uploads)
	}
	return fmt.Sprintf("prefix %d, key %d", counts[0], counts[1])
}

func (c quirkClient) sentAgain(t *testing.T) string {
	key, id := c.create(t, "12", "123")
	var listed []string
	for _, p := range c.parts(t, key, id) {
		listed = append(listed, fmt.Sprintf("%d: %d bytes", *p.PartNumber, *p.Size))
	}
	return strings.Join(listed, ", ")
}

func (c quirkClient) checksums(t *testing.T) string {
	key, id := c.create(t, "123")
	parts := c.parts(t, key, id)
	if _, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: c.bucket, Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{
				{PartNumber: aws.Int32(1), ETag: parts[0].ETag, ChecksumCRC64NVME: parts[0].ChecksumCRC64NVME},
			},
		},
	}); err != nil {
		t.Fatal(err)
	}
	in := &s3.HeadObjectInput{Bucket: c.bucket, Key: key, ChecksumMode: types.ChecksumModeEnabled}
	out, err := c.HeadObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("part %v, object %v", parts[0].ChecksumCRC64NVME != nil, out.ChecksumCRC64NVME != nil)
}

func (c quirkClient) wrongWhole(t *testing.T) string {
	key, id := c.create(t, "123")
	parts := c.parts(t, key, id)
	_, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: c.bucket, Key: key, UploadId: id, ChecksumCRC64NVME: aws.String("/////////w8="),
		ChecksumType: types.ChecksumTypeFullObject, MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{
				{PartNumber: aws.Int32(1), ETag: parts[0].ETag, ChecksumCRC64NVME: parts[0].ChecksumCRC64NVME},
			},
		},
	})
	return codeOf(err)
}

func (c quirkClient) put(t *testing.T, ifMatch *string) (*string, error) {
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: c.bucket, Key: aws.String(c.prefix + "k"), IfMatch: ifMatch, Body: strings.NewReader(uuid.NewString()),
	})
	if err != nil {
		return nil, err
	}
	return out.ETag, nil
}

func (c quirkClient) ifMatch(t *testing.T) string {
	first, err := c.put(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.put(t, first)
	got := "quoted " + codeOf(err)
	if err != nil {
		_, err := c.put(t, aws.String(strings.Trim(*first, `"`)))
		got += ", unquoted " + codeOf(err)
	}
	_, err = c.put(t, aws.String(`"0123456789abcdef0123456789abcdef"`))
	return got + ", stale " + codeOf(err)
}

// TestDelaysConditionalWrites: concurrent conditional writes wait for each other, and others do not.
func TestDelaysConditionalWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var memory storetest.Memory
		settings := memory.AWS(&storetest.Quirks{
			Set: storetest.DelaysConditionalWrites, Delay: time.Second, Next: &memory,
		})
		began := time.Now()
		var writes sync.WaitGroup
		for range 3 {
			c := newQuirkClient(settings, storetest.MemoryBucket)
			writes.Go(func() {
				etag, err := c.put(t, nil)
				if err == nil {
					_, err = c.put(t, etag)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		writes.Wait()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("three conditional writes took %s, want 3s", took)
		}
	})
}
