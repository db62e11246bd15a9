// Package cors is the CORS rule of a bucket that web pages upload to. The local store uses it, the AWS template has the
// same rule, and signpost doctor compares other buckets with it.
package cors

import "slices"

// MaxAge is for how many seconds a browser may remember the rule.
const MaxAge = 3600

// Headers are the request headers that a page may send: all, because the signed headers differ for each import.
const Headers = "*"

var (
	methods = []string{"PUT", "POST", "GET", "HEAD"}
	// exposed are what a page may read of an answer: what uploaders of parts ask for, and what S3's support does. S3 takes no wildcard.
	exposed = []string{
		"ETag", "Location", "x-amz-version-id", "x-amz-request-id", "x-amz-id-2", "x-amz-checksum-type",
		"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1", "x-amz-checksum-sha256",
	}
)

// Methods are those of signed requests, and HEAD.
func Methods() []string { return slices.Clone(methods) }

// Exposed are the headers of the store's answers that a page may read.
func Exposed() []string { return slices.Clone(exposed) }
