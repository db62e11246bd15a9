package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// knownTags are the entity tags of an If-None-Match, their quotes included and without W/: a weak comparison looks at no more (RFC
// 9110, section 8.8.3.2). An asterisk is every tag.
type etags []string

var opaqueTag = regexp.MustCompile(`"[^"]*"`)

// tagsOf reads an If-None-Match that the contract has found to be one, or that was not given.
func parseIfNoneMatch(header string) etags {
	if strings.Trim(header, " \t") == "*" {
		return etags{"*"}
	}
	return opaqueTag.FindAllString(header, -1)
}

// any reports whether whatever there is is known already.
func (k etags) matchAny() bool { return slices.Contains(k, "*") }

func (k etags) match(tag string) bool {
	return k.matchAny() || slices.Contains(k, strings.TrimPrefix(tag, "W/"))
}

// news returns the condition that a caller with these tags waits for: without any, another status or failure than at
// first, or a terminal status; else an answer with another tag.
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

// tag is the ETag of j's answer. It is weak, for signed URLs differ at every read: it stands for all else that is said of the import,
// whoever asks. So a caller without the scope for an upload_url shares the tag with one who has it, and a tag is of use to the key or
// token alone that it was given to.
//
// An upload_url is good until expires_at, which is part of the answer: the same tag, the same end. For a download_url, see epoch.
func (h handlers) etag(j imports.Job) string {
	answer := apiJob(j, h.service.Bucket.Name())
	answer.UploadURL, answer.Upload, answer.DownloadURL = nil, nil, nil
	hash := sha256.New()
	_ = json.MarshalWrite(hash, answer, omitEmpty, allowInvalidUTF8, json.Deterministic(true)) // what cannot be written is not answered either
	if d := j.Download; d != nil {
		hash.Write(strconv.AppendInt(nil, expiryEpoch(d.ExpiresAt, h.service.Limits.URLTTL, h.service.Now()).Unix(), 10))
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:12]) + `"`
}

// epoch is the same for all downloads that are as good as the one which ends then. Those of one half of a URL's life count as one, so
// that whoever is told that nothing is new has a URL with half of its life left. A URL that its credentials end earlier may be outlived
// by its half; then only one with the same end is as good.
func expiryEpoch(ends time.Time, life time.Duration, now time.Time) time.Time {
	if half := ends.Truncate(life / 2); half.After(now) {
		return half
	}
	return ends
}

// unlessKnown answers with j, or that there is nothing new of it.
func (h handlers) unlessMatched(j imports.Job, known etags) api.GetImportResponseObject {
	tag := h.etag(j)
	if known.match(tag) {
		return notModified(tag)
	}
	r := h.response(j)
	r.etag = tag
	return r
}

// notModified is the answer without an import, and so without a signed URL, to a caller who has it already. It holds the ETag.
type notModified string

func (r notModified) VisitGetImportResponse(w http.ResponseWriter) error {
	h := w.Header()
	h["Etag"], h["Cache-Control"] = []string{string(r)}, noStore
	w.WriteHeader(http.StatusNotModified)
	return nil
}
