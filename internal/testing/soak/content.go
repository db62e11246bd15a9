//go:build unix

package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"testing/iotest"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/gen/client"
)

// content is a file that is generated whenever it is needed.
type content struct {
	seed uint64
	size int64
}

func (c content) bytes() []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], c.seed)
	b := make([]byte, c.size)
	_, _ = rand.NewChaCha8(seed).Read(b) // cannot fail
	return b
}

// algorithms are S3's checksum algorithms; from the third on, they are also for parts.
var algorithms = []string{"sha256", "sha1", "crc32", "crc32c", "crc64nvme"}

var hashes = map[string]func() hash.Hash{
	"sha256": sha256.New, "sha1": sha1.New, "crc64nvme": func() hash.Hash { return crc64nvme.New() },
	"crc32":  func() hash.Hash { return crc32.NewIEEE() },
	"crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
}

// sum returns the checksum of b in S3's format.
func sum(algorithm string, b []byte) string {
	h := hashes[algorithm]()
	h.Write(b)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// checksum returns the declared checksum of p, or nil.
func (p plan) checksum() *client.Checksum {
	if p.check == "" {
		return nil
	}
	body := p.bytes()
	if p.spoiled {
		body[0] ^= 1
	}
	value := sum(p.check, body)
	return &client.Checksum{Algorithm: client.ChecksumAlgorithm(p.check), Value: value}
}

// request returns the upload request u with this body.
func request(u client.UploadRequest, body []byte) *http.Request {
	var form bytes.Buffer
	contentType := ""
	if u.Fields != nil { // writes to memory cannot fail
		w := multipart.NewWriter(&form)
		for name, value := range u.Fields {
			_ = w.WriteField(name, value)
		}
		file, _ := w.CreateFormFile("file", "file")
		_, _ = file.Write(body)
		w.Close()
		body, contentType = form.Bytes(), w.FormDataContentType()
	}
	r, err := http.NewRequest(string(u.Method), u.URL, bytes.NewReader(body))
	if err != nil {
		panic(err) // the service signed it
	}
	if r.Header.Set("Content-Type", contentType); u.Fields == nil {
		r.Header.Del("Content-Type")
	}
	for name, value := range u.Headers {
		r.Header.Set(name, value)
	}
	return r
}

// cut sends half of body and disconnects. The store must not store it.
func (w *worker) cut(u client.UploadRequest, body []byte) {
	r := request(u, body)
	r.GetBody, r.Body = nil, io.NopCloser(
		io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), iotest.ErrReader(errors.New("the client goes away"))),
	)
	response, err := w.web.Do(r)
	if w.count("half upload", "cut"); err == nil {
		if response.Body.Close(); response.StatusCode < 400 {
			w.violate("half upload to %s: answered %s", r.URL.Path, response.Status)
		}
	}
}

// wrong sends what the signature does not permit, if anything: one byte too many for a declared size, or content that
// does not match the checksum.
func (w *worker) wrong(about string, u client.UploadRequest, body []byte, p plan) {
	other := append(bytes.Clone(body), '!')
	switch checked := p.check != "" && len(body) > 0; {
	case p.sized && u.Fields != nil:
		w.send(wrongUpload, about, u, other, "400 EntityTooLarge")
	case p.sized && len(body) > 0 && (!checked || w.chance(50)):
		w.send(wrongUpload, about, u, other, "403 SignatureDoesNotMatch", hungUp)
	case checked:
		other[0] ^= 1
		w.send(wrongUpload, about, u, other[:len(body)], "400 BadDigest", "404 NoSuchUpload")
	}
}
