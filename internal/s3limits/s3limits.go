// Package s3limits contains limits of Amazon S3, which compatible stores share.
package s3limits

// The limits of objects and uploads: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const (
	MaxPutSize  = 5 << 30 // bytes of an object that one PUT, form or copy creates
	MinPartSize = 5 << 20 // bytes of a part, except for the last one
	MaxPartSize = 5 << 30 // bytes of a part
	MaxParts    = 10_000  // parts of an upload
	MaxListed   = 1_000   // objects, parts or uploads in one response
)

// The limits of metadata: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html.
const (
	MaxUserMetadata = 2048 // bytes of all names and values
	// MaxSystemMetadata limits Content-Type and Content-Disposition together, in bytes as sent.
	MaxSystemMetadata = 2048
)
