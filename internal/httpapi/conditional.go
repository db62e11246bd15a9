package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
)

// etags are the entity tags of an If-None-Match, with quotes and without W/, as a weak comparison ignores it (RFC
// 9110, section 8.8.3.2). An asterisk matches every tag.
type etags []string

var opaqueTag = regexp.MustCompile(`"[^"]*"`)

// parseIfNoneMatch reads an If-None-Match that has been validated, or is empty.
func parseIfNoneMatch(header string) etags {
	if strings.Trim(header, " \t") == "*" {
		return etags{"*"}
	}
	return opaqueTag.FindAllString(header, -1)
}

// matchAny reports whether the header is an asterisk.
func (k etags) matchAny() bool { return slices.Contains(k, "*") }

func (k etags) match(tag string) bool {
	return k.matchAny() || slices.Contains(k, strings.TrimPrefix(tag, "W/"))
}

// changeSince returns the condition that a long poll waits for. With known ETags: a response with another ETag.
// Without: a status or failure that differs from the first one, or a terminal status.
func (h handlers) changeSince(known etags) func(imports.Job) bool {
	if len(known) > 0 {
		return func(j imports.Job) bool { return known.matchAny() || !known.match(h.etag(j)) }
	}
	var first imports.Job
	return func(j imports.Job) bool {
		if first.Status == "" {
			first = j
		}
		return j.Status != first.Status || j.LastFailure() != first.LastFailure() || j.Status.IsTerminal()
	}
}

// etag returns the ETag of j's response. It is weak because signed URLs differ at each read; it covers all other
// members. It does not depend on the caller's scopes, so an ETag is only valid for the key or token that received it.
//
// An upload_url is valid until expires_at, which the ETag covers. For download_url, see expiryEpoch.
func (h handlers) etag(j imports.Job) string {
	answer := apiImport(j, h.service.Bucket.Name())
	answer.UploadURL, answer.Upload, answer.DownloadURL = nil, nil, nil
	hash := sha256.New()
	_ = json.NewEncoder(hash).Encode(answer) // cannot fail
	if d := j.Download; d != nil {
		epoch := expiryEpoch(d.ExpiresAt, h.service.Limits.URLTTL, h.service.Now())
		hash.Write(strconv.AppendInt(nil, epoch.Unix(), 10))
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:12]) + `"`
}

// expiryEpoch returns the same time for all download URLs that expire within the same half of their lifetime. So a
// client that receives 304 has a URL with at least half of its lifetime left. If credentials shorten a URL's
// lifetime, only URLs with the same expiry share an epoch.
func expiryEpoch(ends time.Time, life time.Duration, now time.Time) time.Time {
	if half := ends.Truncate(life / 2); half.After(now) {
		return half
	}
	return ends
}
