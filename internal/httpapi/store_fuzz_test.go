package httpapi_test

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// fuzzStore is an in-memory store with the S3 operations that the service uses, so that a fuzz target makes thousands
// of calls per second. Unlike storetest.Memory it records the keys of calls, takes parts below S3's minimum, and can be
// unreachable.
type fuzzStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	parts   map[string][]int // by key: the sizes of the parts of its upload "u"
	away    bool             // calls fail
	keys    []string         // keys, and prefixes of lists
}

const fuzzBucket = "shelf"

// Do replaces the SDK's HTTP client.
func (s *fuzzStore) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	key, query := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"+fuzzBucket), "/"), r.URL.Query()
	if query.Has("list-type") {
		s.keys = append(s.keys, query.Get("prefix"), cmp.Or(query.Get("start-after"), query.Get("prefix")))
	} else {
		s.keys = append(s.keys, cmp.Or(key, query.Get("prefix")))
	}
	if s.away {
		return nil, &aws.RequestCanceledError{Err: errors.New("cut off")} // which the SDK does not try again
	}
	status, header, answer := http.StatusOK, http.Header{}, ""
	switch {
	case query.Has("list-type"):
		most, _ := strconv.Atoi(query.Get("max-keys"))
		answer = s.list(query.Get("prefix"), query.Get("start-after"), most)
	case query.Has("uploads") && r.Method == http.MethodGet:
		answer = "<ListMultipartUploadsResult>" + strings.Repeat(
			"<Upload></Upload>",
			len(s.parts),
		) + "</ListMultipartUploadsResult>"
	case query.Has("uploads"):
		s.parts[key] = []int{}
		answer = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
	case query.Has("uploadId"):
		status, answer = s.upload(r.Method, key, query.Get("uploadId"))
	default:
		status, header, answer = s.object(r, key, body)
	}
	response := &http.Response{
		StatusCode:    status,
		Header:        header,
		ContentLength: int64(len(answer)),
		Request:       r,
		Body:          io.NopCloser(strings.NewReader(answer)),
	}
	if r.Method == http.MethodHead {
		response.Body = http.NoBody
	}
	return response, nil
}

func (s *fuzzStore) list(prefix, after string, most int) string {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s.objects)), func(key string) bool {
		return !strings.HasPrefix(key, prefix) || key <= after
	})
	var b bytes.Buffer
	fmt.Fprintf(&b, "<ListBucketResult><IsTruncated>%v</IsTruncated>", len(keys) > most)
	for _, key := range keys[:min(most, len(keys))] {
		b.WriteString("<Contents><Key>")
		xml.EscapeText(&b, []byte(key))
		fmt.Fprintf(&b, "</Key><Size>%d</Size><ETag>%s</ETag></Contents>", len(s.objects[key]), etagOf(s.objects[key]))
	}
	return b.String() + "</ListBucketResult>"
}

func (s *fuzzStore) upload(method, key, id string) (int, string) {
	parts := s.parts[key]
	if parts == nil || id != "u" {
		return http.StatusNotFound, "<Error><Code>NoSuchUpload</Code></Error>"
	}
	switch method {
	case http.MethodDelete:
		delete(s.parts, key)
		return http.StatusNoContent, ""
	case http.MethodPost:
		if s.objects[key] != nil {
			return http.StatusPreconditionFailed, "<Error><Code>PreconditionFailed</Code></Error>"
		}
		delete(s.parts, key)
		size := 0
		for _, n := range parts {
			size += n
		}
		s.objects[key] = make([]byte, size)
		return http.StatusOK, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`
	}
	answer := "<ListPartsResult><IsTruncated>false</IsTruncated>"
	for i, size := range parts {
		answer += fmt.Sprintf(`<Part><PartNumber>%d</PartNumber><Size>%d</Size><ETag>"%d"</ETag></Part>`, i+1, size, i+1)
	}
	return http.StatusOK, answer + "</ListPartsResult>"
}

func etagOf(content []byte) string { return fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(content)) }

func (s *fuzzStore) object(r *http.Request, key string, body []byte) (int, http.Header, string) {
	stored, there := s.objects[key]
	header := http.Header{"Etag": {etagOf(stored)}}
	switch {
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		return http.StatusNoContent, header, ""
	case r.Method == http.MethodPut && (there && r.Header.Get("If-None-Match") != "" ||
		there && r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etagOf(stored)):
		return http.StatusPreconditionFailed, header, "<Error><Code>PreconditionFailed</Code></Error>"
	case r.Method == http.MethodPut && (there || r.Header.Get("If-Match") == ""):
		s.objects[key] = body
		return http.StatusOK, http.Header{"Etag": {etagOf(body)}}, ""
	case !there:
		return http.StatusNotFound, header, "<Error><Code>NoSuchKey</Code></Error>"
	}
	return http.StatusOK, header, string(stored)
}
