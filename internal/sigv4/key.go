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

// keyCache holds the signing key in use. A key is good for one set of credentials on one day; requests that straddle a
// change each make the key they need, and the last one made stays.
type keyCache struct{ current atomic.Pointer[dayKey] }

// dayKey is the derived signing key of credentials for a day, with the texts that follow from both.
type dayKey struct {
	credentials Credentials
	day         int64 // since 1970
	scope       string
	toSign      string // how the string to sign begins, up to the time of day
	query       string // how the query begins, up to the time of day
	token       string // the query's X-Amz-Security-Token, empty where there is none
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
	d.query = "?X-Amz-Algorithm=" + Algorithm + "&X-Amz-Credential=" + queryEscaped(c.AccessKeyID+"/"+d.scope) + "&X-Amz-Date=" + date
	if c.SessionToken != "" {
		d.token = "&X-Amz-Security-Token=" + queryEscaped(c.SessionToken)
	}
	d.workspaces.New = func() any { return &workspace{mac: hmac.New(sha256.New, secret)} }
	return d
}

// appendQuery appends the query of r, up to the parameters that are r's own.
func (d *dayKey) appendQuery(b []byte, r *Request) []byte {
	b = appendTimeOfDay(append(b, d.query...), r.Time)
	b = append(b, "&X-Amz-Expires="...)
	b = strconv.AppendInt(b, int64(r.Expires/time.Second), 10)
	b = append(b, d.token...)
	b = append(b, "&X-Amz-SignedHeaders="...)
	return appendSignedHeaders(b, "%3B", r.Headers)
}

// workspace is what one signature needs besides its result: room for texts, and the keyed hash.
type workspace struct {
	url, text []byte
	mac       hash.Hash
	sum       [sha256.Size]byte
}

func (d *dayKey) workspace() *workspace { return d.workspaces.Get().(*workspace) }

// appendSigned appends to a URL the signature of the canonical request that has this digest, by way of the string to sign.
func (d *dayKey) appendSigned(w *workspace, url []byte, at time.Time, digest []byte) []byte {
	w.text = appendTimeOfDay(append(w.text[:0], d.toSign...), at)
	w.text = append(append(append(w.text, '\n'), d.scope...), '\n')
	w.text = hex.AppendEncode(w.text, digest)
	return w.appendSignature(append(url, "&X-Amz-Signature="...), w.text)
}

// appendSignature appends the hex HMAC-SHA256 of text.
func (w *workspace) appendSignature(b, text []byte) []byte {
	w.mac.Reset()
	w.mac.Write(text)
	return hex.AppendEncode(b, w.mac.Sum(w.sum[:0]))
}

const secondsADay = 24 * 60 * 60

// appendTimeOfDay appends what follows the date in X-Amz-Date: THHMMSSZ.
func appendTimeOfDay(b []byte, at time.Time) []byte {
	s := int(at.Unix() % secondsADay)
	b = append(b, 'T')
	for _, n := range [...]int{s / 3600, s / 60 % 60, s % 60} {
		b = append(b, byte('0'+n/10), byte('0'+n%10))
	}
	return append(b, 'Z')
}
