package storetest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Quirk is a set of ways in which a store differs from Amazon S3.
type Quirk int

const (
	// ListsUploadsByExactKey is a list of multipart uploads that is empty for a prefix that is not a whole key (MinIO).
	ListsUploadsByExactKey Quirk = 1 << iota
	// ListsLostParts lists the parts that Quirks.IsLost selects without bytes and ETag (MinIO without write quorum).
	ListsLostParts
	// ListsPartsTwice lists a part that was sent again twice, the older one first (SeaweedFS).
	ListsPartsTwice
	// ListsPartsTwiceReversed is ListsPartsTwice with the older one last.
	ListsPartsTwiceReversed
	// ListsNoChecksums keeps and returns no checksums of parts and objects (SeaweedFS, rclone).
	ListsNoChecksums
	// IgnoresWholeChecksum completes uploads whose checksum of the whole object is wrong (MinIO, SeaweedFS, rclone).
	IgnoresWholeChecksum
	// AnswersContentChecksumMismatch refuses wrong checksums with this code instead of BadDigest (MinIO).
	AnswersContentChecksumMismatch
	// RefusesQuotedIfMatch fails each If-Match with quotes, and takes one without (Ceph 16).
	RefusesQuotedIfMatch
	// DelaysConditionalWrites serializes conditional PUTs, each of which takes Quirks.Delay (SeaweedFS: 1 s).
	DelaysConditionalWrites
	// HonorsUnsignedHeaders obeys x-amz-* headers that a presigned URL does not sign (MinIO, Ceph). See NewQuirky.
	HonorsUnsignedHeaders
	// IgnoresConditions ignores If-Match and If-None-Match.
	IgnoresConditions
)

var quirkNames = []string{
	"ListsUploadsByExactKey", "ListsLostParts", "ListsPartsTwice", "ListsPartsTwiceReversed", "ListsNoChecksums",
	"IgnoresWholeChecksum", "AnswersContentChecksumMismatch", "RefusesQuotedIfMatch", "DelaysConditionalWrites",
	"HonorsUnsignedHeaders", "IgnoresConditions",
}

// String returns the names of the quirks in q.
func (q Quirk) String() string {
	var names []string
	for i, name := range quirkNames {
		if q&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// Quirks is a transport to a store, which gives it Set. It changes requests and responses of the store at Next.
type Quirks struct {
	Set   Quirk
	Delay time.Duration // of DelaysConditionalWrites
	// IsLost selects the parts of ListsLostParts (nil: all).
	IsLost func(key string, number int) bool
	Next   http.RoundTripper

	// resign signs the second request, a changed copy of the first (nil: Next checks no signatures).
	resign func(r, changed *http.Request) error

	once     sync.Once
	turn     chan struct{} // held by a conditional PUT; a channel, because a mutex stops the time of package synctest
	mu       sync.Mutex
	current  map[string]listedPart   // by part
	replaced map[string][]listedPart // by part
	clock    time.Time               // of the last part
}

// RoundTrip implements http.RoundTripper.
func (q *Quirks) RoundTrip(r *http.Request) (*http.Response, error) {
	q.once.Do(func() {
		q.turn = make(chan struct{}, 1)
		q.current, q.replaced = map[string]listedPart{}, map[string][]listedPart{}
	})
	match := r.Header.Get("If-Match")
	conditional := match != "" || r.Header.Get("If-None-Match") != ""
	if q.has(RefusesQuotedIfMatch) && strings.HasPrefix(match, `"`) {
		return refusal(r, http.StatusPreconditionFailed, "PreconditionFailed"), nil
	}
	sent, err := q.change(r)
	if err != nil {
		return refusal(r, http.StatusForbidden, "SignatureDoesNotMatch"), nil
	}
	if q.has(DelaysConditionalWrites) && conditional && r.Method == http.MethodPut {
		q.turn <- struct{}{}
		defer func() { <-q.turn }()
		time.Sleep(q.Delay)
	}
	response, err := q.Next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	return response, q.changeResponse(r, response)
}

func (q *Quirks) has(quirk Quirk) bool { return q.Set&quirk != 0 }

// change returns the request for the store: r, or a copy.
func (q *Quirks) change(r *http.Request) (*http.Request, error) {
	header := r.Header.Clone()
	if q.has(IgnoresConditions) {
		header.Del("If-Match")
		header.Del("If-None-Match")
	}
	if match := header.Get("If-Match"); q.has(RefusesQuotedIfMatch) && match != "" {
		header.Set("If-Match", `"`+match+`"`)
	}
	query := r.URL.Query()
	if r.Method == http.MethodPost &&
		(q.has(ListsNoChecksums) && query.Has("uploads") || q.has(IgnoresWholeChecksum) && query.Has("uploadId")) {
		deleteChecksums(header)
	}
	if q.has(ListsNoChecksums) {
		header.Del("X-Amz-Checksum-Type") // only for uploads that declared it
	}
	if len(header) == len(r.Header) && header.Get("If-Match") == r.Header.Get("If-Match") {
		return r, nil
	}
	changed := r.Clone(r.Context())
	changed.Header = header
	if q.resign == nil {
		return changed, nil
	}
	return changed, q.resign(r, changed)
}

// changeResponse changes the store's response to r.
func (q *Quirks) changeResponse(r *http.Request, response *http.Response) error {
	query := r.URL.Query()
	ok := response.StatusCode == http.StatusOK
	switch {
	case !ok && q.has(AnswersContentChecksumMismatch):
		return replaceBody(response, func(body []byte) ([]byte, error) {
			return bytes.ReplaceAll(body, []byte("BadDigest"), []byte("XAmzContentChecksumMismatch")), nil
		})
	case !ok:
	case r.Method == http.MethodPut && query.Has("partNumber"):
		q.recordPart(r, response.Header.Get("ETag"))
	case r.Method == http.MethodGet && query.Has("uploadId"):
		return changeXML(response, func(list *partList) { q.changeParts(r, list) })
	case r.Method == http.MethodGet && query.Has("uploads") && q.has(ListsUploadsByExactKey):
		return changeXML(response, func(list *uploadList) {
			list.Upload = slices.DeleteFunc(list.Upload, func(u listedUpload) bool {
				return query.Get("prefix") != "" && u.Key != query.Get("prefix")
			})
		})
	case q.has(ListsNoChecksums):
		deleteChecksums(response.Header)
	}
	return nil
}

func deleteChecksums(header http.Header) {
	maps.DeleteFunc(header, func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Amz-Checksum-") })
}

// recordPart records the part that r stored.
func (q *Quirks) recordPart(r *http.Request, etag string) {
	size := r.ContentLength
	fmt.Sscan(r.Header.Get("X-Amz-Decoded-Content-Length"), &size)
	number := 0
	fmt.Sscan(r.URL.Query().Get("partNumber"), &number)
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); now.After(q.clock.Add(time.Second)) {
		q.clock = now
	} else { // no two parts at one time, although lists have a precision of 1 s
		q.clock = q.clock.Add(time.Second)
	}
	id := partID(r, number)
	if before, exists := q.current[id]; exists {
		q.replaced[id] = append(q.replaced[id], before)
	}
	q.current[id] = listedPart{
		PartNumber: number, ETag: etag, Size: size, LastModified: q.clock.UTC().Format(time.RFC3339),
		ChecksumCRC64NVME: r.Header.Get("X-Amz-Checksum-Crc64nvme"),
	}
}

// partID returns the part of the upload of r with this number.
func partID(r *http.Request, number int) string {
	return fmt.Sprint(r.URL.Query().Get("uploadId"), "/", number)
}

// changeParts changes a list of parts.
func (q *Quirks) changeParts(r *http.Request, list *partList) {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var parts []listedPart
	for _, part := range list.Part {
		id := partID(r, part.PartNumber)
		if q.has(ListsLostParts) && (q.IsLost == nil || q.IsLost(key, part.PartNumber)) {
			part = listedPart{PartNumber: part.PartNumber}
		}
		if current := q.current[id]; current.LastModified != "" {
			part.LastModified = current.LastModified
		}
		if q.has(ListsPartsTwice) {
			parts = append(parts, q.replaced[id]...)
		}
		parts = append(parts, part)
		if q.has(ListsPartsTwiceReversed) {
			parts = append(parts, q.replaced[id]...)
		}
	}
	if q.has(ListsNoChecksums) {
		for i := range parts {
			p := &parts[i]
			p.ChecksumCRC64NVME, p.ChecksumCRC32C, p.ChecksumCRC32 = "", "", ""
		}
	}
	list.Part = parts
}

// changeXML changes the document in the body of response.
func changeXML[T any](response *http.Response, change func(*T)) error {
	return replaceBody(response, func(body []byte) ([]byte, error) {
		var document T
		if err := xml.Unmarshal(body, &document); err != nil {
			return nil, err
		}
		change(&document)
		return xml.Marshal(document)
	})
}

func replaceBody(response *http.Response, change func([]byte) ([]byte, error)) error {
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return err
	}
	if body, err = change(body); err != nil {
		return err
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if response.Header.Get("Content-Length") != "" && response.Request.Method != http.MethodHead {
		response.Header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	return nil
}

// refusal returns an error of S3, without a request to the store.
func refusal(r *http.Request, status int, code string) *http.Response {
	if r.Body != nil {
		r.Body.Close()
	}
	body := "<Error><Code>" + code + "</Code><Message>no</Message></Error>"
	return &http.Response{
		Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
