// Package sigv4 signs requests to S3 in the query string: AWS Signature Version 4 with an unsigned payload, the form known as
// a pre-signed URL. It is arithmetic and nothing else: no network, no credential look-up, no knowledge of buckets.
//
// It exists because signing is what the service is for, and the SDK's presigner spends most of its time building a request
// it never sends. The output is held equal to that presigner's, byte for byte, by a differential fuzz test.
//
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (URLs) and
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html (form policies).
package sigv4

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

const (
	// Algorithm is the value of X-Amz-Algorithm in URLs and forms.
	Algorithm = "AWS4-HMAC-SHA256"
	// MaxExpires is the longest life S3 allows a signed URL: seven days.
	MaxExpires = 7 * 24 * time.Hour

	unsignedPayload = "UNSIGNED-PAYLOAD"
	timeLayout      = "20060102T150405Z"
)

// Credentials is an AWS key pair. SessionToken is empty for long-lived keys.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Header is one signed header. Name is lower-case; host is signed always and not listed.
type Header struct{ Name, Value string }

// Param is one query parameter of the request itself, such as partNumber. Name begins with a lower-case letter: the X-Amz-*
// parameters then sort before it, as every S3 parameter that a URL of ours carries does.
type Param struct{ Name, Value string }

// Request is what a URL permits: this method on this key with these headers and parameters, from Time for Expires.
type Request struct {
	Method  string
	Key     string
	Params  []Param
	Headers []Header      // what the client must send exactly so
	Time    time.Time     // whole seconds count
	Expires time.Duration // 1 s to MaxExpires; whole seconds count
}

// Signer signs for one region. It remembers the signing key of the day and is safe for concurrent use.
type Signer struct {
	region string
	key    keyCache
}

// NewSigner returns a signer for S3 in region.
func NewSigner(region string) *Signer { return &Signer{region: region} }

// Presign returns the URL at which r may be sent to e with c's rights. Headers and Params are put in order in place.
func (s *Signer) Presign(c Credentials, e Endpoint, r Request) SecretURL {
	r.sort()
	key := s.key.forDay(c, s.region, r.Time)

	w := key.workspace()
	defer key.workspaces.Put(w)
	url := append(w.url[:0], e.origin...)
	path := len(url)
	url = appendEscaped(append(url, e.basePath...), '/', r.Key)
	query := len(url)
	url = key.appendQuery(url, &r)
	for _, p := range r.Params {
		url = appendQueryEscaped(append(url, '&'), p.Name)
		url = appendQueryEscaped(append(url, '='), p.Value)
	}

	// The canonical request: method, path, query, and what appendCanonicalEnd adds.
	w.text = append(w.text[:0], r.Method...)
	w.text = append(append(w.text, '\n'), url[path:query]...)
	w.text = append(append(w.text, '\n'), url[query+1:]...)
	w.text = appendCanonicalEnd(w.text, e.host, r.Headers)
	digest := sha256.Sum256(w.text)

	url = key.appendSigned(w, url, r.Time, digest[:])
	w.url = url
	return SecretURL{string(url)}
}

// sort puts parameters and headers in the order in which they are signed, in place.
func (r *Request) sort() {
	if len(r.Params) > 1 {
		slices.SortFunc(r.Params, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	}
	if len(r.Headers) > 1 {
		slices.SortFunc(r.Headers, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	}
}

// Credential returns the value of a form's x-amz-credential field.
func (s *Signer) Credential(c Credentials, at time.Time) string {
	return c.AccessKeyID + "/" + s.key.forDay(c, s.region, at).scope
}

// SignPolicy returns the hex signature of a form's policy, which is signed in its base64 form.
func (s *Signer) SignPolicy(c Credentials, at time.Time, policy string) string {
	key := s.key.forDay(c, s.region, at)
	w := key.workspace()
	defer key.workspaces.Put(w)
	return string(w.appendSignature(nil, []byte(policy)))
}

// Date returns at in the form of X-Amz-Date.
func Date(at time.Time) string { return at.UTC().Format(timeLayout) }
