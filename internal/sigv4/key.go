package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
	"sync/atomic"
	"time"
)

// keyCache holds the signing key in use. A key is good for one set of credentials on one day; requests that straddle a
// change each make the key they need, and the last one made stays.
type keyCache struct{ current atomic.Pointer[dayKey] }

// dayKey is the derived signing key of credentials for a day, with the texts that follow from both.
type dayKey struct {
	credentials       Credentials
	day               int // days since 1970
	scope             string
	escapedCredential string
	escapedToken      string
	macs              sync.Pool // of *mac
}

func (k *keyCache) forDay(c Credentials, region string, at time.Time) *dayKey {
	day := int(at.Unix() / 86400)
	if d := k.current.Load(); d != nil && d.day == day && d.credentials == c {
		return d
	}
	d := newDayKey(c, region, at, day)
	k.current.Store(d)
	return d
}

func newDayKey(c Credentials, region string, at time.Time, day int) *dayKey {
	date := at.Format("20060102")
	secret := []byte("AWS4" + c.SecretAccessKey)
	for _, step := range []string{date, region, "s3", "aws4_request"} {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(step))
		secret = h.Sum(nil)
	}
	d := &dayKey{
		credentials:  c,
		day:          day,
		scope:        date + "/" + region + "/s3/aws4_request",
		escapedToken: string(appendQueryEscaped(nil, c.SessionToken)),
	}
	d.escapedCredential = string(appendQueryEscaped(nil, c.AccessKeyID+"/"+d.scope))
	d.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }
	return d
}

// appendSignature appends the hex HMAC-SHA256 of text.
func (d *dayKey) appendSignature(b, text []byte) []byte {
	m := d.macs.Get().(*mac)
	defer d.macs.Put(m)
	m.Reset()
	m.Write(text)
	return hex.AppendEncode(b, m.Sum(m.sum[:0]))
}

// mac is a keyed hash with room for its result, so that taking one costs no memory.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}
