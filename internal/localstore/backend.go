package localstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/gofrs/flock"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// folder is versitygw's backend on a locked folder. It rejects incomplete bodies, keeps side files while a request
// needs them, and reports the objects stored in one bucket. It reports them itself because versitygw's event sender has
// no key for forms, whose key is not in the path.
type folder struct {
	*posix.Posix
	large    *attributes // nil if all attributes are in files
	lock     *flock.Flock
	bucket   string // whose objects are reported
	notifier *notifier
}

// Shutdown releases the folder.
func (f folder) Shutdown() {
	f.Posix.Shutdown()
	_ = f.lock.Close() // the system releases it at the latest when the process ends
}

// hold keeps the side files of an object while a request writes it: they are written before the object is at its path.
func (f folder) hold(bucket, key *string) (release func()) {
	if f.large == nil || bucket == nil || key == nil {
		return func() {}
	}
	return f.large.hold(*bucket, *key)
}

func (f folder) notify(bucket, key *string, err error) {
	if err == nil && bucket != nil && key != nil && *bucket == f.bucket {
		f.notifier.add(strings.Clone(*key)) // fiber reuses the memory for the next request
	}
}

// PutObject also receives forms.
func (f folder) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	defer f.hold(in.Bucket, in.Key)()
	in.Body = wholeBody(in.Body, in.ContentLength)
	out, err := f.Posix.PutObject(ctx, in)
	f.notify(in.Bucket, in.Key, err)
	return out, err
}

func (f folder) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	defer f.hold(in.Bucket, in.Key)()
	out, err := f.Posix.CopyObject(ctx, in)
	f.notify(in.Bucket, in.Key, err)
	return out, err
}

func (f folder) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	in.Body = wholeBody(in.Body, in.ContentLength)
	return f.Posix.UploadPart(ctx, in)
}

// ListParts lists all parts or fails. versitygw omits parts that disappear while it lists them; once a completion has
// renamed the upload's folder, that is every part.
func (f folder) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	listed, err := f.Posix.ListParts(ctx, in)
	if err != nil {
		return listed, err
	}
	if _, err := os.Stat(filepath.Join(*in.Bucket, uploadsOf(*in.Key), *in.UploadId)); err != nil {
		return s3response.ListPartsResult{}, s3err.GetNoSuchUploadErr(*in.UploadId)
	}
	return listed, nil
}

// CompleteMultipartUpload also removes the side files of the upload, which versitygw does not.
func (f folder) CompleteMultipartUpload(
	ctx context.Context, in *s3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	defer f.hold(in.Bucket, in.Key)()
	if f.large != nil && in.Key != nil && in.UploadId != nil {
		upload := filepath.Join(uploadsOf(*in.Key), *in.UploadId)
		defer f.large.DeleteAttributes(*in.Bucket, upload) //nolint:errcheck // always nil
	}
	out, version, err := f.Posix.CompleteMultipartUpload(ctx, in)
	f.notify(in.Bucket, in.Key, err)
	return out, version, err
}

// uploadsOf returns the folder of a key's multipart uploads, relative to the bucket's.
func uploadsOf(key string) string {
	return filepath.Join(posix.MetaTmpMultipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(key))))
}
