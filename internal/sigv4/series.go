package sigv4

import (
	"crypto/sha256"
	"encoding"
	"hash"
	"strconv"
	"time"
)

// Series signs requests that differ only in one number and in header values, such as those for the parts of an
// upload. It encodes and hashes the common part once; with a session token, that is most of it. A Series is not safe
// for concurrent use.
type Series struct {
	key    *dayKey
	host   string
	at     time.Time
	url    []byte // the first number bytes are common
	number int
	tail   string // the parameters after the number

	digest hash.Hash
	state  []byte // of the digest of the canonical request up to the number
	sum    [sha256.Size]byte
}

// Series returns a Series of requests like r. The number is the parameter that sorts first; its value and the values
// of r.Headers are ignored.
func (s *Signer) Series(c Credentials, e Endpoint, r Request) *Series {
	r.sort()
	x := &Series{key: s.key.forDay(c, s.region, r.Time), host: e.host, at: r.Time, digest: sha256.New()}
	x.url = appendEscaped(append([]byte(e.origin), e.basePath...), '/', r.Key)
	query := len(x.url)
	x.url = x.key.appendQuery(x.url, &r)
	x.url = append(appendQueryEscaped(append(x.url, '&'), r.Params[0].Name), '=')
	x.number = len(x.url)
	for _, p := range r.Params[1:] {
		x.tail += "&" + queryEscaped(p.Name) + "=" + queryEscaped(p.Value)
	}
	x.digest.Write([]byte(r.Method + "\n"))
	x.digest.Write(x.url[len(e.origin):query])
	x.digest.Write([]byte("\n"))
	x.digest.Write(x.url[query+1:])
	var err error
	if x.state, err = x.digest.(encoding.BinaryAppender).AppendBinary(nil); err != nil {
		panic(err) // cannot fail: https://pkg.go.dev/crypto/sha256#New
	}
	return x
}

// Presign returns the URL of the request with this number and these headers, whose names and order are those of the
// series.
func (x *Series) Presign(number int64, headers []Header) SecretURL {
	w := x.key.workspace()
	defer x.key.workspaces.Put(w)
	x.url = strconv.AppendInt(x.url[:x.number], number, 10)
	x.url = append(x.url, x.tail...)

	if err := x.digest.(encoding.BinaryUnmarshaler).UnmarshalBinary(x.state); err != nil {
		panic(err) // cannot fail: MarshalBinary returned the state
	}
	w.text = append(w.text[:0], x.url[x.number:]...)
	w.text = appendCanonicalEnd(w.text, x.host, headers)
	x.digest.Write(w.text)

	x.url = x.key.appendSigned(w, x.url, x.at, x.digest.Sum(x.sum[:0]))
	return SecretURL{string(x.url)}
}
