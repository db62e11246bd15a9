package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// keyCache caches the signing key of one day and one set of credentials. Concurrent requests around a change derive
// the key they need; the last one is kept.
type keyCache struct{ current atomic.Pointer[dayKey] }

// dayKey is a derived signing key, with the texts that depend only on credentials and day.
type dayKey struct {
	credentials Credentials
	day         int64 // days since 1970
	scope       string
	toSign      string // prefix of the string to sign, up to the time of day
	query       string // prefix of the query, up to the time of day
	token       string // X-Amz-Security-Token in the query; may be empty
	workspaces  sync.Pool
}

func (k *keyCache) forDay(c Credentials, region string, at time.Time) *dayKey {
	day := at.Unix() / secondsADay
	if d := k.current.Load(); d != nil && d.day == day && d.credentials == c {
		return d
	}
	d := newDayKey(c, region, at.UTC(), day)
	k.current.Store(d)
	return d
}

func newDayKey(c Credentials, region string, at time.Time, day int64) *dayKey {
	date := at.Format("20060102")
	secret := []byte("AWS4" + c.SecretAccessKey)
	for _, step := range []string{date, region, "s3", "aws4_request"} {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(step))
		secret = h.Sum(nil)
	}
	d := &dayKey{
		credentials: c,
		day:         day,
		scope:       date + "/" + region + "/s3/aws4_request",
		toSign:      Algorithm + "\n" + date,
	}
	credential := queryEscaped(c.AccessKeyID + "/" + d.scope)
	d.query = "?X-Amz-Algorithm=" + Algorithm + "&X-Amz-Credential=" + credential + "&X-Amz-Date=" + date
	if c.SessionToken != "" {
		d.token = "&X-Amz-Security-Token=" + queryEscaped(c.SessionToken)
	}
	d.workspaces.New = func() any { return &workspace{mac: hmac.New(sha256.New, secret)} }
	return d
}

// appendQuery appends the query of r up to r's own parameters.
func (d *dayKey) appendQuery(b []byte, r *Request) []byte {
	b = appendTimeOfDay(append(b, d.query...), r.Time)
	b = append(b, "&X-Amz-Expires="...)
	b = strconv.AppendInt(b, int64(r.Expires/time.Second), 10)
	b = append(b, d.token...)
	b = append(b, "&X-Amz-SignedHeaders="...)
	return appendSignedHeaders(b, "%3B", r.Headers)
}

// workspace contains the buffers and the keyed hash of one signature.
type workspace struct {
	url, text []byte
	mac       hash.Hash
	sum       [sha256.Size]byte
}

func (d *dayKey) workspace() *workspace { return d.workspaces.Get().(*workspace) }

// appendSigned appends the signature of the canonical request with this digest to url.
func (d *dayKey) appendSigned(w *workspace, url []byte, at time.Time, digest []byte) []byte {
	w.text = appendTimeOfDay(append(w.text[:0], d.toSign...), at)
	w.text = append(append(append(w.text, '\n'), d.scope...), '\n')
	w.text = hex.AppendEncode(w.text, digest)
	return w.appendSignature(append(url, "&X-Amz-Signature="...), w.text)
}

// appendSignature appends the HMAC-SHA256 of text in hex.
func (w *workspace) appendSignature(b, text []byte) []byte {
	w.mac.Reset()
	w.mac.Write(text)
	return hex.AppendEncode(b, w.mac.Sum(w.sum[:0]))
}

const secondsADay = 24 * 60 * 60

// appendTimeOfDay appends the part of X-Amz-Date after the date: THHMMSSZ.
func appendTimeOfDay(b []byte, at time.Time) []byte {
	s := int(at.Unix() % secondsADay)
	b = append(b, 'T')
	for _, n := range [...]int{s / 3600, s / 60 % 60, s % 60} {
		b = append(b, byte('0'+n/10), byte('0'+n%10))
	}
	return append(b, 'Z')
}
