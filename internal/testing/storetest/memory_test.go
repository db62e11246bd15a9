package storetest_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestMemory makes the same calls to a Memory and to a real store, and compares the results.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a local store")
	}
	target := storetest.Open(t)
	want := results(t, target.AWS, target.Bucket, target.PathStyle)
	memory := &storetest.Memory{}
	got := results(t, memory.AWS(memory), storetest.MemoryBucket, true)
	for i := range max(len(got), len(want)) {
		if g, w := at(got, i), at(want, i); g != w {
			t.Errorf("call %d: got %s, want %s", i, g, w)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// results makes calls of each operation and returns a line for each result.
func results(t *testing.T, settings aws.Config, name string, pathStyle bool) (lines []string) {
	ctx := t.Context()
	b, err := bucket.Open(ctx, bucket.Options{Name: name, AWS: settings, PathStyle: pathStyle})
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = pathStyle })
	prefix := "storetest/" + uuid.NewString() + "/"
	result := func(err error, values ...any) {
		for _, kind := range []error{
			bucket.ErrNotFound, bucket.ErrChanged, bucket.ErrBadPart, bucket.ErrBadChecksum,
		} {
			if errors.Is(err, kind) {
				err = kind
			}
		}
		lines = append(lines, strings.ReplaceAll(fmt.Sprint(append(values, err)...), prefix, "P/"))
	}

	// Records.
	key := prefix + "a/record"
	_, err = b.ReadRecord(ctx, key)
	result(err, "read nothing ")
	result(b.CreateRecord(ctx, key, []byte("1")), "create ")
	result(b.CreateRecord(ctx, key, []byte("2")), "create again ")
	record, err := b.ReadRecord(ctx, key)
	result(err, "read ", string(record.Body), record.ETag)
	etag, err := b.ReplaceRecord(ctx, key, record.ETag, []byte("3"))
	result(err, "replace ", etag)
	_, err = b.ReplaceRecord(ctx, key, record.ETag, []byte("4"))
	result(err, "replace with the old ETag ")
	_, err = b.ReplaceRecord(ctx, key+"-missing", etag, []byte("4"))
	result(err, "replace nothing ")
	_, err = b.Head(ctx, key+"-missing")
	result(err, "head nothing ")

	// Objects and listings.
	for _, path := range []string{"a/x", "b/1/y", "b/2", "c", "cc/z"} {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &name, Key: aws.String(prefix + path), Body: strings.NewReader("123456789"),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		result(err, "put ", path)
	}
	head, err := b.Head(ctx, prefix+"c")
	result(err, "head ", head.Size, head.ETag, head.Checksums["crc64nvme"])
	for _, limit := range []int{1, 3, 6, 1000} {
		keys, more, err := b.List(ctx, prefix, "", limit)
		result(err, "list ", limit, keys, more)
	}
	keys, more, err := b.List(ctx, prefix+"b/", prefix+"b/1/y", 10)
	result(err, "list after ", keys, more)
	folders, more, err := b.ListFolders(ctx, prefix, "")
	result(err, "folders ", folders, more)
	folders, more, err = b.ListFolders(ctx, prefix, prefix+"a/")
	result(err, "folders after ", folders, more)
	result(b.Delete(ctx, prefix+"c"), "delete ")
	result(b.Delete(ctx, prefix+"c"), "delete again ")
	_, err = b.Head(ctx, prefix+"c")
	result(err, "head what is deleted ")

	// Multipart uploads.
	var uploads []bucket.Multipart
	for _, path := range []string{"m/1", "m/1", "m/2"} {
		m := bucket.Multipart{Key: prefix + path}
		m.UploadID, err = b.CreateMultipart(ctx, bucket.Upload{Key: m.Key})
		uploads = append(uploads, m)
		result(err, "create ", m.UploadID != "")
	}
	open, _, err := b.ListUploads(ctx, prefix, bucket.Multipart{}, 10)
	result(err, "count ", len(open))
	listed, more, err := b.ListUploads(ctx, prefix, bucket.Multipart{}, 2)
	result(err, "uploads ", len(listed), more)
	listed, more, err = b.ListUploads(ctx, prefix, bucket.Multipart{Key: prefix + "m/1"}, 2)
	result(err, "uploads after a key ", len(listed), more)
	for _, part := range []struct {
		number int32
		size   int
	}{{2, 3}, {1, 5 << 20}} {
		_, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &name, Key: &uploads[0].Key, UploadId: &uploads[0].UploadID, PartNumber: &part.number,
			Body: bytes.NewReader(make([]byte, part.size)),
		})
		result(err, "part ", part.number)
	}
	parts, more, err := b.ListParts(ctx, uploads[0], 0)
	result(err, "parts ", parts, more)
	after, more, err := b.ListParts(ctx, uploads[0], 1)
	result(err, "parts after 1 ", after, more)
	wrong := slices.Clone(parts)
	wrong[0].ETag = parts[1].ETag
	result(b.CompleteMultipart(ctx, uploads[0], wrong, ""), "complete with a wrong ETag ")
	result(b.CompleteMultipart(ctx, uploads[0], parts, ""), "complete ")
	head, err = b.Head(ctx, uploads[0].Key)
	result(err, "head ", head.Size, head.ETag)
	result(b.AbortMultipart(ctx, uploads[1]), "abort ")
	result(b.AbortMultipart(ctx, uploads[1]), "abort again ")
	_, _, err = b.ListParts(ctx, uploads[1], 0)
	result(err, "parts of an aborted upload ")
	result(b.AbortMultipart(ctx, uploads[2]), "abort the last ")
	return lines
}
