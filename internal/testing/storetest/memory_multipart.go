package storetest

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/signpost-s3/signpost/internal/s3limits"
)

// memoryUpload is a multipart upload in progress.
type memoryUpload struct {
	id, key   string
	algorithm string // of checksums, as in headers: CRC64NVME; "" if none was declared
	initiated time.Time
	parts     map[int]memoryObject
}

func (m *Memory) createUpload(w io.Writer, r *http.Request, key string) {
	m.created++
	u := &memoryUpload{
		id: strconv.Itoa(m.created), key: key, algorithm: r.Header.Get("X-Amz-Checksum-Algorithm"),
		initiated: time.Now().Truncate(time.Second), parts: map[int]memoryObject{},
	}
	m.uploads[u.id] = u
	writeXML(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		UploadId string
	}{UploadId: u.id})
}

// serveUpload answers a request about the upload u of key, nil if it does not exist.
func (m *Memory) serveUpload(
	w *httptest.ResponseRecorder, r *http.Request, key string, u *memoryUpload, body []byte,
) *memoryError {
	if u == nil || u.key != key {
		return &memoryError{http.StatusNotFound, "NoSuchUpload"}
	}
	switch r.Method {
	case http.MethodPut:
		return u.putPart(w, r, body)
	case http.MethodGet:
		u.listParts(w, r.URL.Query())
	case http.MethodDelete:
		delete(m.uploads, u.id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		return m.complete(w, r, u, body)
	}
	return nil
}

func (u *memoryUpload) putPart(w http.ResponseWriter, r *http.Request, body []byte) *memoryError {
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > s3limits.MaxParts {
		return &memoryError{http.StatusBadRequest, "InvalidArgument"}
	}
	etag := fmt.Sprintf(`"%x"`, md5.Sum(body))
	u.parts[number] = memoryObject{content: body, etag: etag, headers: checksumHeaders(r.Header)}
	w.Header().Set("ETag", etag)
	return nil
}

// listedPart is a part in a list, and in the request of a completion.
type listedPart struct {
	PartNumber        int
	ETag              string
	Size              int64
	LastModified      string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC32     string `xml:",omitempty"`
}

type partList struct {
	XMLName     xml.Name `xml:"ListPartsResult"`
	Part        []listedPart
	IsTruncated bool
}

func (u *memoryUpload) listParts(w io.Writer, query url.Values) {
	after, _ := strconv.Atoi(query.Get("part-number-marker"))
	limit := limitOf(query, "max-parts")
	var out partList
	for _, number := range slices.Sorted(maps.Keys(u.parts)) {
		if number <= after {
			continue
		}
		if out.IsTruncated = len(out.Part) == limit; out.IsTruncated {
			break
		}
		p := u.parts[number]
		listed := listedPart{PartNumber: number, ETag: p.etag, Size: int64(len(p.content))}
		if u.algorithm == "CRC64NVME" {
			listed.ChecksumCRC64NVME = checksumOf(crc64nvme.New(), p.content)
		}
		out.Part = append(out.Part, listed)
	}
	writeXML(w, out)
}

// complete assembles the object of u.
func (m *Memory) complete(w io.Writer, r *http.Request, u *memoryUpload, body []byte) *memoryError {
	if err := m.checkConditions(r, u.key); err != nil {
		return err
	}
	var request struct{ Part []listedPart }
	if err := xml.Unmarshal(body, &request); err != nil {
		return &memoryError{http.StatusBadRequest, "MalformedXML"}
	}
	object, sums := memoryObject{headers: http.Header{}}, md5.New()
	for i, named := range request.Part {
		p, held := u.parts[named.PartNumber]
		switch {
		case !held || p.etag != named.ETag:
			return &memoryError{http.StatusBadRequest, "InvalidPart"}
		case i > 0 && named.PartNumber <= request.Part[i-1].PartNumber:
			return &memoryError{http.StatusBadRequest, "InvalidPartOrder"}
		case i < len(request.Part)-1 && len(p.content) < s3limits.MinPartSize:
			return &memoryError{http.StatusBadRequest, "EntityTooSmall"}
		}
		object.content = append(object.content, p.content...)
		sum := md5.Sum(p.content)
		sums.Write(sum[:])
	}
	for algorithm, of := range map[string]hash.Hash{
		"Crc64nvme": crc64nvme.New(), "Crc32": crc32.NewIEEE(), "Crc32c": crc32.New(crc32.MakeTable(crc32.Castagnoli)),
	} {
		name := "X-Amz-Checksum-" + algorithm
		declared := r.Header.Get(name)
		if declared == "" && !strings.EqualFold(cmp.Or(u.algorithm, "CRC64NVME"), algorithm) { // CRC64NVME is S3's default
			continue
		}
		computed := checksumOf(of, object.content)
		if declared != "" && declared != computed {
			return &memoryError{http.StatusBadRequest, "BadDigest"}
		}
		object.headers.Set(name, computed)
	}
	object.etag = fmt.Sprintf(`"%x-%d"`, sums.Sum(nil), len(request.Part))
	m.put(u.key, object)
	delete(m.uploads, u.id)
	writeXML(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}{ETag: object.etag})
	return nil
}

// checksumOf returns the base64 of content's checksum.
func checksumOf(h hash.Hash, content []byte) string {
	h.Write(content)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

type listedUpload struct {
	Key, UploadId string
	Initiated     time.Time
}

type uploadList struct {
	XMLName     xml.Name `xml:"ListMultipartUploadsResult"`
	Upload      []listedUpload
	IsTruncated bool
}

func (m *Memory) listUploads(w io.Writer, query url.Values) {
	var out uploadList
	for _, u := range m.uploads {
		if strings.HasPrefix(u.key, query.Get("prefix")) && u.key > query.Get("key-marker") {
			out.Upload = append(out.Upload, listedUpload{u.key, u.id, u.initiated.UTC()})
		}
	}
	slices.SortFunc(out.Upload, func(a, b listedUpload) int { return strings.Compare(a.Key+a.UploadId, b.Key+b.UploadId) })
	if limit := limitOf(query, "max-uploads"); len(out.Upload) > limit {
		out.Upload, out.IsTruncated = out.Upload[:limit], true
	}
	writeXML(w, out)
}
