package localstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// TestRepair prepares the folder as a process leaves it that is killed during a completion, before
// and after the object exists, or while it replaces an object.
func TestRepair(t *testing.T) {
	for name, made := range map[string]bool{"before the object was made": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := localstore.Start(t.Context(), localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "uploads"})
			if err != nil {
				t.Fatal(err)
			}
			c, bucket, key := client(s), aws.String(s.Bucket()), aws.String("k")
			begin := func() *string {
				created, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
				if err != nil {
					t.Fatal(err)
				}
				return created.UploadId
			}
			id, other := begin(), begin()
			part, err := c.UploadPart(
				t.Context(),
				&s3.UploadPartInput{
					Bucket:     bucket,
					Key:        key,
					UploadId:   id,
					PartNumber: aws.Int32(1),
					Body:       strings.NewReader("whole"),
				},
			)
			if err != nil {
				t.Fatal(err)
			}
			complete := func() string {
				_, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
					Bucket: bucket, Key: key, UploadId: id,
					MultipartUpload: &types.CompletedMultipartUpload{
						Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}},
					},
				})
				return apiCode(err)
			}
			folders, err := filepath.Glob(filepath.Join(dir, "store", "uploads", ".sgwtmp", "multipart", "*", *id))
			if err != nil || len(folders) != 1 {
				t.Fatalf("the upload's folder: %q, %v", folders, err)
			}
			// The ETag of an object of one part is the MD5 of the part's MD5.
			// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html.
			aside := folders[0] + ".c0f1ea0b3cc2e6ec3a6dd9f4b0bb9a3b-1.inprogress"
			if made {
				if code := complete(); code != "" {
					t.Fatalf("complete = %s", code)
				}
				head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key})
				if err != nil {
					t.Fatal(err)
				}
				aside = folders[0] + "." + strings.Trim(*head.ETag, `"`) + ".inprogress"
				err = os.Mkdir(aside, 0o700)
				if err != nil {
					t.Fatal(err)
				}
			} else if err := os.Rename(folders[0], aside); err != nil {
				t.Fatal(err)
			}
			staged := filepath.Join(dir, "store", "uploads", ".k.sgwtmp.1795366479863743160")
			if err := os.WriteFile(staged, []byte("new"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			s = start(t, dir)
			c = client(s)
			listed, err := c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: bucket})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{*other: true, *id: !made}
			for _, u := range listed.Uploads {
				if !want[*u.UploadId] {
					t.Errorf("upload %s is there", *u.UploadId)
				}
				delete(want, *u.UploadId)
			}
			if want[*id] {
				t.Error("the upload is gone")
			}
			if code := complete(); code != "" {
				t.Errorf("complete = %s", code)
			}
			if got, _ := stored(t, s, "k"); got != "whole" {
				t.Errorf("stored %q, want %q", got, "whole")
			}
			for _, left := range []string{aside, staged} {
				if _, err := os.Stat(left); !os.IsNotExist(err) {
					t.Errorf("%s is there: %v", left, err)
				}
			}
		})
	}
}
