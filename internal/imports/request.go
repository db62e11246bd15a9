package imports

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/webhook"
)

// S3's own bounds: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html and UsingMetadata.html.
const (
	MaxSingleSize   = 5 << 30 // bytes in one PUT or form
	maxMetadataSize = 2048    // bytes of names and values together
	// maxSystemMetadata is what S3 keeps of Content-Type and Content-Disposition, bytes as sent.
	maxSystemMetadata = 2048
)

// Limits are what the operator grants.
type Limits struct {
	MaxSize      int64         // bytes an import may have; 0: S3's own bound
	URLTTL       time.Duration // the life of a signed URL, and the most a caller may ask for
	JobTTL       time.Duration // for how long an upload in parts can be resumed
	ContentTypes []string      // media types an import may be of, such as text/csv or image/*; none: any
	OpenUploads  int           // uploads in parts an owner may have under way, at most 1,000; 0: any number
	WriteOnce    bool          // whether every single upload is refused where there is an object already
	WebhookHosts []string      // of which an import may name a webhook, with the port where it is not 443; none: it may not
}

// takes reports whether an import may be of contentType.
func (l Limits) takes(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	kind, _, _ := strings.Cut(mediaType, "/")
	return len(l.ContentTypes) == 0 || err == nil && (slices.Contains(l.ContentTypes, mediaType) || slices.Contains(l.ContentTypes, kind+"/*"))
}

// AllowsWebhook reports whether an import may name hook as its webhook: an https URL of an allowed host.
func (l Limits) AllowsWebhook(hook string) bool {
	u, err := url.Parse(hook)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	called := webhook.CanonicalHost(u)
	return slices.ContainsFunc(l.WebhookHosts, func(allowed string) bool {
		host, err := webhook.ParseHost(allowed)
		return err == nil && host == called
	})
}

// singleSize is the most that one PUT or form may carry.
func (l Limits) singleSize() int64 {
	if l.MaxSize > 0 {
		return min(l.MaxSize, MaxSingleSize)
	}
	return MaxSingleSize
}

// Request is what a caller declares of an import. The zero value declares nothing.
type Request struct {
	Filename    string            `json:",omitempty"`
	ContentType string            `json:",omitempty"`
	Size        *int64            `json:",omitempty"`
	Checksum    *Checksum         `json:",omitempty"`
	Metadata    map[string]string `json:",omitempty"`
	Mode        Mode              `json:",omitempty"`
	PartSize    int64             `json:",omitempty"` // bytes; 0: as the service likes
	ExpiresIn   time.Duration     `json:",omitempty"` // zero: as the service likes
	WriteOnce   bool              `json:",omitempty"`
	Webhook     string            `json:",omitempty"` // the URL that hears of the import's end
}

// fingerprint tells requests apart. Two spellings of the same JSON have the same one.
func (r Request) fingerprint() string {
	r.Mode = r.mode()                 // however it was said
	canonical, err := json.Marshal(r) // members in the order above, map keys sorted
	if err != nil {
		panic(err) // strings, integers and booleans
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// mode is the mode that r asks for, or what suits it. A SHA checksum of the whole is verified in one request alone.
func (r Request) mode() Mode {
	switch {
	case r.Mode != Auto && r.Mode != "":
		return r.Mode
	case r.PartSize > 0:
		return Multipart
	case r.Size != nil && *r.Size > autoSize && (r.Checksum == nil || isCRC(r.Checksum.Algorithm)):
		return Multipart
	}
	return Single
}

// isCRC reports whether a checksum of parts makes one of the whole.
func isCRC(algorithm string) bool { return strings.HasPrefix(algorithm, "crc") }

// check returns what is wrong with r: first whatever no service could accept, all of it, then what this one does not grant.
func (r Request) check(l Limits) error {
	if faults := r.faults(); len(faults) > 0 {
		return invalid(faults)
	}
	switch {
	case r.Size == nil && l.MaxSize > 0 && r.Mode != Form:
		return refuse(CodeSizeRequired, "/size", "must be given, because this service bounds the size of an import at %d bytes", l.MaxSize)
	case r.Size != nil && l.MaxSize > 0 && *r.Size > l.MaxSize:
		return refuse(CodeSizeTooLarge, "/size", "must be at most %d", l.MaxSize)
	case r.Size != nil && *r.Size > MaxSingleSize && r.mode() != Multipart:
		return refuse(CodeSizeTooLarge, "/size", "must be at most %d, the most that S3 takes in one request; in parts (mode multipart), without a SHA checksum, it takes more", int64(MaxSingleSize))
	case r.Webhook != "" && !l.AllowsWebhook(r.Webhook):
		return refuse(CodeWebhook, "/webhook_url", "must be an https URL of a host that the operator of this service allows")
	case !l.takes(r.ContentType):
		return refuse(CodeContentType, "/content_type", "must be one of %s", strings.Join(l.ContentTypes, ", "))
	case r.ExpiresIn > l.URLTTL:
		return refuse(CodeExpiryTooLong, "/expires_in", "must be at most %d", int64(l.URLTTL/time.Second))
	}
	return nil
}

// faults are rules that the schema cannot say.
func (r Request) faults() []Field {
	var faults []Field
	fault := func(pointer, detail string, args ...any) {
		faults = append(faults, Field{Pointer: pointer, Detail: fmt.Sprintf(detail, args...)})
	}
	mode := r.mode()
	if r.WriteOnce && mode == Form {
		fault("/write_once", "is not possible with mode form, because S3 has no such condition for forms; use mode single")
	}
	if r.PartSize > 0 && (r.Mode == Single || r.Mode == Form) {
		fault("/part_size", "has no meaning with mode %s", r.Mode)
	}
	if r.PartSize > 0 && mode == Multipart && r.Size != nil && ceilDiv(*r.Size, r.PartSize) > MaxParts {
		fault("/part_size", "must be at least %d, so that %d parts hold the size", max(MinPartSize, partSizeFor(*r.Size)), MaxParts)
	}
	if n := len(attachment(r.Filename)) + len(r.ContentType); r.Filename != "" && n > maxSystemMetadata {
		fault("/filename", "is too long: with content_type it takes %d bytes to store, of which there are %d", n, maxSystemMetadata)
	}
	if r.ContentType != "" {
		if _, _, err := mime.ParseMediaType(r.ContentType); err != nil {
			fault("/content_type", "must be a media type such as text/csv")
		}
	}
	if c := r.Checksum; c != nil {
		switch {
		case mode == Multipart && !isCRC(c.Algorithm):
			fault("/checksum/algorithm", "must be crc64nvme, crc32c or crc32 in parts, because S3 verifies no other of the whole")
		case c.Value == "" && mode != Multipart:
			fault("/checksum/value", "is missing")
		case c.Value != "" && !isDigest(c.Algorithm, c.Value):
			fault("/checksum/value", "must be the base64 of %d bytes, as %s has", digestSizes[c.Algorithm], c.Algorithm)
		case c.Value != "" && r.Size != nil && *r.Size == 0 && c.Value != emptyDigests[c.Algorithm]:
			fault("/checksum/value", "must be %s, the %s of no bytes, as size is 0", emptyDigests[c.Algorithm], c.Algorithm)
		}
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		size += len(name) + len(r.Metadata[name])
		if !metadataName.MatchString(name) {
			fault(Pointer("metadata", name), "must have a name of 1 to 128 lower-case letters, digits, dots, hyphens and underscores")
		}
	}
	if size > maxMetadataSize {
		fault("/metadata", "must hold at most %d bytes of names and values, has %d", maxMetadataSize, size)
	}
	return faults
}

var (
	metadataName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)
	digestSizes  = map[string]int{"sha256": 32, "sha1": 20, "crc32": 4, "crc32c": 4, "crc64nvme": 8}
	emptyDigests = map[string]string{
		"sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha1": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
		"crc32": "AAAAAA==", "crc32c": "AAAAAA==", "crc64nvme": "AAAAAAAAAAA=",
	}
)

// isDigest reports whether value is the base64 of what algorithm makes.
func isDigest(algorithm, value string) bool {
	digest, err := base64.StdEncoding.Strict().DecodeString(value)
	return err == nil && len(digest) == digestSizes[algorithm]
}

// job returns the job that r creates under id.
func (r Request) job(owner, id string, l Limits) Job {
	lifetime := r.ExpiresIn
	if lifetime == 0 {
		lifetime = l.URLTTL
	}
	j := Job{
		ID: id, Owner: owner, Status: AwaitingUpload, Mode: r.mode(),
		Filename: r.Filename, ContentType: r.ContentType, Size: r.Size, Checksum: r.Checksum, Metadata: r.Metadata,
		WriteOnce: r.WriteOnce, Webhook: r.Webhook,
		CreatedAt: idTime(id),
	}
	if j.Mode == Multipart {
		lifetime = l.JobTTL
		j.Parts = &Parts{Plan: planFor(r.Size, r.PartSize), URLTTL: r.ExpiresIn}
		if r.Checksum != nil {
			j.Parts.Algorithm = r.Checksum.Algorithm
		}
	}
	// A multipart upload is over when its object is there, and S3 has no such condition for forms.
	j.WriteOnce = j.WriteOnce || l.WriteOnce && j.Mode == Single
	j.Deadline = j.CreatedAt.Truncate(time.Second).Add(lifetime)
	return j
}

// upload describes the request that stores j's object, signed at now.
func (j Job) upload(l Limits, now time.Time) bucket.Upload {
	u := bucket.Upload{
		Key: j.Key(), ContentType: j.ContentType, Metadata: j.Metadata, Size: j.Size, MaxSize: l.singleSize(),
		WriteOnce: j.WriteOnce, From: now, Until: j.Deadline,
	}
	if j.Filename != "" {
		u.ContentDisposition = attachment(j.Filename)
	}
	if j.Checksum != nil {
		u.Checksum = bucket.Checksum{Algorithm: j.Checksum.Algorithm, Value: j.Checksum.Value}
	}
	return u
}
