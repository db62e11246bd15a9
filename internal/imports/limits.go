package imports

import (
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html and UsingMetadata.html.
const (
	MaxSingleSize   = 5 << 30 // bytes of one PUT or form
	maxMetadataSize = 2048    // bytes of all names and values
	// maxSystemMetadata limits Content-Type and Content-Disposition together, in bytes as sent.
	maxSystemMetadata = 2048
)

// Limits are what the operator grants.
type Limits struct {
	// MaxSize is the largest import in bytes. 0: S3's limit.
	MaxSize int64
	// URLTTL is the default and the maximum lifetime of a signed URL.
	URLTTL time.Duration
	// JobTTL is how long a multipart upload can be resumed.
	JobTTL time.Duration
	// ContentTypes are the allowed media types, such as text/csv or image/*. Empty: all.
	ContentTypes []string
	// OpenUploads is how many multipart uploads an owner may have in progress, at most 1,000. 0: unlimited.
	OpenUploads int
	// WriteOnce refuses every single upload whose object exists already.
	WriteOnce bool
	// WebhookHosts are the hosts that an import's webhook may have, with the port unless it is 443. Empty: imports may
	// not name a webhook.
	WebhookHosts []string
}

// allowsType reports whether an import may have contentType.
func (l Limits) allowsType(contentType string) bool {
	if len(l.ContentTypes) == 0 {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	kind, _, _ := strings.Cut(mediaType, "/")
	return err == nil && (slices.Contains(l.ContentTypes, mediaType) || slices.Contains(l.ContentTypes, kind+"/*"))
}

// AllowsWebhook reports whether hook is an https URL of an allowed host.
func (l Limits) AllowsWebhook(hook string) bool {
	u, err := url.Parse(hook)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	host := webhook.CanonicalHost(u)
	return slices.ContainsFunc(l.WebhookHosts, func(entry string) bool {
		allowed, err := webhook.ParseHost(entry)
		return err == nil && allowed == host
	})
}

// singleSize returns the largest size of one PUT or form in bytes.
func (l Limits) singleSize() int64 {
	if l.MaxSize > 0 {
		return min(l.MaxSize, MaxSingleSize)
	}
	return MaxSingleSize
}
