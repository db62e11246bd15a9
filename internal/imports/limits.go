package imports

import (
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// Limits are what the operator grants.
type Limits struct {
	MaxSize      int64         // bytes of an import; 0: S3's limit
	URLTTL       time.Duration // the default and maximum lifetime of a signed URL
	JobTTL       time.Duration // how long a multipart upload can be resumed
	ContentTypes []string      // the allowed media types, such as text/csv or image/*; empty: all
	OpenUploads  int           // multipart uploads that an owner may have in progress, at most 1,000; 0: unlimited
	WriteOnce    bool          // refuse every single upload whose object exists already
	WebhookHosts []string      // the allowed hosts of webhooks, with the port unless it is 443; empty: no webhooks
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
