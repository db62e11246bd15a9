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

// content is a file that is made anew whenever it is needed.
type content struct {
	seed uint64
	size int64
}

func (c content) bytes() []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], c.seed)
	b := make([]byte, c.size)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}

var algorithms = []string{"sha256", "sha1", "crc32", "crc32c", "crc64nvme"} // those from 2 on also in parts

// sum is S3's form of b's checksum.
func sum(algorithm string, b []byte) string {
	h := map[string]func() hash.Hash{
		"sha256": sha256.New, "sha1": sha1.New, "crc64nvme": func() hash.Hash { return crc64nvme.New() },
		"crc32":  func() hash.Hash { return crc32.NewIEEE() },
		"crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	}[algorithm]()
	h.Write(b)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// request is what u asks a client to send, with body as the file.
func request(u client.UploadRequest, body []byte) (*http.Request, error) {
	if u.Fields == nil {
		r, err := http.NewRequest(string(u.Method), u.URL, bytes.NewReader(body))
		for name, value := range u.Headers {
			r.Header.Set(name, value)
		}
		return r, err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range u.Fields {
		if err := w.WriteField(name, value); err != nil {
			return nil, err
		}
	}
	file, err := w.CreateFormFile("file", "file")
	if err != nil {
		return nil, err
	}
	_, _ = file.Write(body) // into memory
	w.Close()
	r, err := http.NewRequest(string(u.Method), u.URL, &form)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r, err
}

// send uploads body as u says and insists on an answer.
func (w *worker) send(kind, about string, u client.UploadRequest, body []byte, may ...string) answer {
	return w.insist(kind, about, false, func(int) answer {
		return w.once(kind, about, w.store, func() (*http.Response, error) {
			r, err := request(u, body)
			if err != nil {
				return nil, err
			}
			return w.web.Do(r)
		})
	}, may...)
}

var errCut = errors.New("the client went away")

// cut sends half of body and goes away.
func (w *worker) cut(u client.UploadRequest, body []byte) {
	r, err := request(u, body)
	if err != nil {
		w.tally.violate("cut: %v", err)
		return
	}
	half := r.ContentLength / 2
	r.GetBody, r.Body = nil, io.NopCloser(io.MultiReader(io.LimitReader(r.Body, half), iotest.ErrReader(errCut)))
	response, err := w.web.Do(r)
	w.tally.count("half upload", map[bool]string{true: "cut", false: "refused"}[err != nil])
	if err == nil {
		if response.Body.Close(); response.StatusCode < 400 {
			w.tally.violate("half upload to %s: answered %s", r.URL.Path, response.Status)
		}
	}
}

const wrongUpload = "wrong upload"

// wrong sends what the signature does not allow, if there is any: one byte too many where the size is declared, other bytes than
// the checksum is of.
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
