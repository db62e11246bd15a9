package imports

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// Request is what a client declares about an import. The zero value declares nothing.
type Request struct {
	Filename     string            `json:",omitempty"`
	RelativePath string            `json:",omitempty"` // in the folder that the file comes from, with slashes
	ContentType  string            `json:",omitempty"`
	Size         *int64            `json:",omitempty"` // bytes
	Checksum     *Checksum         `json:",omitempty"`
	Metadata     map[string]string `json:",omitempty"`
	Mode         Mode              `json:",omitempty"`
	PartSize     int64             `json:",omitempty"` // bytes; 0: the service chooses
	ExpiresIn    time.Duration     `json:",omitempty"` // 0: Limits.URLTTL
	WriteOnce    bool              `json:",omitempty"`
	Webhook      string            `json:",omitempty"` // the URL that receives the import's events
}

// fingerprint returns a hash by which requests are compared. It depends on the values, not on their spelling in JSON.
// A field that is not set has no effect, so that later versions can add fields.
func (r Request) fingerprint() string {
	r.Mode = r.mode()                 // auto and the mode that it selects are the same request
	canonical, err := json.Marshal(r) // in the order of the fields, map keys sorted
	if err != nil {
		panic(err) // strings, integers and booleans always encode
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// mode returns the mode that r requests, or the one that auto selects. S3 verifies a SHA checksum of the whole object
// only if it is uploaded in one request.
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

// check returns all errors that make r invalid for every service or else the first reason why this service refuses it.
func (r Request) check(l Limits) error {
	if invalidFields := r.invalidFields(); len(invalidFields) > 0 {
		return invalid(invalidFields)
	}
	return r.checkLimits(l)
}

// checkLimits returns the first reason why this service refuses r. The zero Request is an untracked import.
func (r Request) checkLimits(l Limits) error {
	switch {
	case r.Size == nil && l.MaxSize > 0 && r.Mode != Form:
		return refuse(CodeSizeRequired, path{"size"},
			"is required in a JSON body: this service limits imports to %d bytes", l.MaxSize)
	case r.Size != nil && l.MaxSize > 0 && *r.Size > l.MaxSize:
		return refuse(CodeSizeTooLarge, path{"size"}, "must be at most %d bytes, the limit of this service", l.MaxSize)
	case r.Size != nil && *r.Size > s3limits.MaxPutSize && r.mode() != Multipart:
		return refuse(CodeSizeTooLarge, path{"size"}, "must be at most %d bytes, the limit of S3 for one request; "+
			"for larger files use mode multipart, without a SHA checksum", int64(s3limits.MaxPutSize))
	case r.Webhook != "" && !l.AllowsWebhook(r.Webhook):
		return refuse(CodeWebhook, path{"webhook_url"},
			"must be an https URL of a host that the operator of this service allows")
	case !l.allowsType(r.ContentType):
		return refuse(CodeContentType, path{"content_type"},
			"must be declared in a JSON body, as one of %s", strings.Join(l.ContentTypes, ", "))
	case r.ExpiresIn > l.URLTTL:
		return refuse(CodeExpiryTooLong, path{"expires_in"},
			"must be at most %d seconds, the limit of this service", int64(l.URLTTL/time.Second))
	}
	return nil
}

var metadataName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)

// maxRelativePath is in bytes. It is the limit of S3 for keys, so that a path can become a key of another bucket.
const maxRelativePath = 1024

// invalidFields checks the rules that the OpenAPI schema cannot express.
func (r Request) invalidFields() (errs fieldErrors) {
	mode := r.mode()
	if r.WriteOnce && mode == Form {
		errs.add(path{"write_once"},
			"is not possible with mode form, because S3 has no such condition for forms; use mode single")
	}
	if r.PartSize > 0 && (r.Mode == Single || r.Mode == Form) {
		errs.add(path{"part_size"}, "must not be given with mode %s; use mode multipart", r.Mode)
	}
	if r.PartSize > 0 && mode == Multipart && r.Size != nil && ceilDiv(*r.Size, r.PartSize) > s3limits.MaxParts {
		errs.add(path{"part_size"}, "must be at least %d bytes, because an upload has at most %d parts",
			max(s3limits.MinPartSize, partSizeFor(*r.Size)), s3limits.MaxParts)
	}
	if n := len(attachment(r.Filename)) + len(r.ContentType); r.Filename != "" && n > s3limits.MaxSystemMetadata {
		errs.add(path{"filename"}, "is too long: S3 stores it with content_type in at most %[2]d bytes, and they need %[1]d",
			n, s3limits.MaxSystemMetadata)
	}
	if n := len(r.RelativePath); n > maxRelativePath {
		errs.add(path{"relative_path"}, "must have at most %d bytes in UTF-8, but has %d", maxRelativePath, n)
	} else if !isNFC(r.RelativePath) {
		errs.add(path{"relative_path"}, "must be in Unicode normalization form NFC; normalize it before the call")
	}
	if r.ContentType != "" {
		if _, _, err := mime.ParseMediaType(r.ContentType); err != nil {
			errs.add(path{"content_type"}, "must be a media type with each parameter only once")
		}
	}
	if r.Checksum != nil {
		r.checkChecksum(&errs)
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		size += len(name) + len(r.Metadata[name])
		if !metadataName.MatchString(name) {
			errs.add(path{"metadata", name},
				"must have a name of 1 to 128 lowercase letters, digits, dots, hyphens and underscores")
		}
	}
	if size > s3limits.MaxUserMetadata {
		errs.add(path{"metadata"}, "must have at most %d bytes of names and values, but has %d",
			s3limits.MaxUserMetadata, size)
	}
	return errs
}

// isNFC reports whether text is in Unicode normalization form C. It ignores combining grapheme joiners, which package
// norm requires in a run of more than 30 combining marks (Unicode Standard Annex 15, section 13), and others do not.
func isNFC(text string) bool {
	const joiner = "\u034f"
	return norm.NFC.IsNormalString(text) ||
		strings.ReplaceAll(norm.NFC.String(text), joiner, "") == strings.ReplaceAll(text, joiner, "")
}

// job returns the job that r creates with this ID.
func (r Request) job(owner, id string, l Limits) Job {
	lifetime := cmp.Or(r.ExpiresIn, l.URLTTL)
	j := Job{
		ID: id, Owner: owner, Status: AwaitingUpload, Mode: r.mode(),
		Filename: r.Filename, RelativePath: r.RelativePath, ContentType: r.ContentType,
		Size: r.Size, Checksum: r.Checksum, Metadata: r.Metadata, WriteOnce: r.WriteOnce, Webhook: r.Webhook,
		CreatedAt: idTime(id),
	}
	if j.Mode == Multipart {
		lifetime = l.JobTTL
		j.Parts = &Parts{Plan: planFor(r.Size, r.PartSize), URLTTL: r.ExpiresIn}
		if r.Checksum != nil {
			j.Parts.Algorithm = r.Checksum.Algorithm
		}
	}
	// The operator's setting is for mode single only: a multipart upload ends when its object exists, and S3 has no such
	// condition for forms.
	j.WriteOnce = j.WriteOnce || l.WriteOnce && j.Mode == Single
	j.Deadline = j.CreatedAt.Truncate(time.Second).Add(lifetime)
	return j
}
