package storetest

import (
	"bytes"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Memory is an S3 store in memory, for tests whose subject is not the store. It is a transport without a network, so
// that tests may use it within testing/synctest. It has one bucket, supports the requests of package bucket, and checks
// conditions, sizes and checksums as S3 does, but no signatures. The zero value is an empty store.
type Memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	keys    []string                 // of objects, sorted; also of deleted objects
	added   []string                 // keys of objects that are not in keys yet
	uploads map[string]*memoryUpload // by upload ID
	created int                      // uploads
}

type memoryObject struct {
	content  []byte
	spaces   int // that follow content; a store of a million records needs less memory
	etag     string
	modified time.Time
	headers  http.Header // x-amz-checksum-*
}

func (o memoryObject) size() int { return len(o.content) + o.spaces }

// MemoryBucket is the name of the bucket of a Memory.
const MemoryBucket = "memory"

// AWS returns settings with which the SDK reaches the store by transport, which sends requests to m. They need path
// style.
func (m *Memory) AWS(transport http.RoundTripper) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://store.test"), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
}

// RoundTrip implements http.RoundTripper.
func (m *Memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	answer := httptest.NewRecorder()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	if err := m.serve(answer, r, body); err != nil {
		answer.WriteHeader(err.status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(answer, "<Error><Code>%s</Code><Message>%[1]s</Message></Error>", err.code)
		}
	}
	response := answer.Result()
	response.Request = r
	return response, nil
}

type memoryError struct {
	status int
	code   string
}

func (m *Memory) serve(w *httptest.ResponseRecorder, r *http.Request, body []byte) *memoryError {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	switch id := query.Get("uploadId"); {
	case id != "":
		return m.serveUpload(w, r, key, m.uploads[id], body)
	case query.Has("uploads") && r.Method == http.MethodPost:
		m.createUpload(w, r, key)
	case query.Has("uploads"):
		m.listUploads(w, query)
	case key == "":
		m.listObjects(w, query)
	default:
		return m.serveObject(w, r, key, body)
	}
	return nil
}

func (m *Memory) serveObject(w *httptest.ResponseRecorder, r *http.Request, key string, body []byte) *memoryError {
	o, exists := m.objects[key]
	switch {
	case r.Method == http.MethodPut:
		if err := m.checkConditions(r, key); err != nil {
			return err
		}
		o = newObject(body)
		o.headers = checksumHeaders(r.Header)
		m.put(key, o)
		w.Header().Set("ETag", o.etag)
	case r.Method == http.MethodDelete:
		delete(m.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !exists:
		return &memoryError{http.StatusNotFound, "NoSuchKey"}
	default:
		maps.Copy(w.Header(), o.headers)
		w.Header().Set("ETag", o.etag)
		w.Header().Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", strconv.Itoa(o.size()))
		if r.Method == http.MethodGet {
			w.Write(o.content)
			w.Write(bytes.Repeat([]byte(" "), o.spaces))
		}
	}
	return nil
}

func newObject(body []byte) memoryObject {
	content := bytes.Clone(bytes.TrimRight(body, " "))
	return memoryObject{content: content, spaces: len(body) - len(content), etag: fmt.Sprintf(`"%x"`, md5.Sum(body))}
}

// Put stores an object without a request, for stores of a million objects.
func (m *Memory) Put(key string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	m.put(key, newObject(body))
}

func (m *Memory) init() {
	if m.objects == nil {
		m.objects, m.uploads = map[string]memoryObject{}, map[string]*memoryUpload{}
	}
}

func (m *Memory) put(key string, o memoryObject) {
	o.modified = time.Now().Truncate(time.Second)
	if _, exists := m.objects[key]; !exists {
		m.added = append(m.added, key)
	}
	m.objects[key] = o
}

// sortedKeys returns the keys of all objects in ascending order, and those of deleted objects. It sorts the new
// keys only, so that a list of a million objects takes milliseconds.
func (m *Memory) sortedKeys() []string {
	if len(m.added) < 100 {
		for _, key := range m.added {
			if i, found := slices.BinarySearch(m.keys, key); !found {
				m.keys = slices.Insert(m.keys, i, key)
			}
		}
		m.added = nil
		return m.keys
	}
	slices.Sort(m.added)
	merged := make([]string, 0, len(m.keys)+len(m.added))
	for old, added := m.keys, m.added; len(old)+len(added) > 0; {
		from := &old
		if len(old) == 0 || len(added) > 0 && added[0] < old[0] {
			from = &added
		}
		key := (*from)[0]
		*from = (*from)[1:]
		if len(merged) == 0 || merged[len(merged)-1] != key {
			merged = append(merged, key)
		}
	}
	m.keys, m.added = merged, nil
	return merged
}

// checkConditions checks If-Match and If-None-Match of a write to key.
func (m *Memory) checkConditions(r *http.Request, key string) *memoryError {
	o, exists := m.objects[key]
	match := r.Header.Get("If-Match")
	switch {
	case match != "" && !exists:
		return &memoryError{http.StatusNotFound, "NoSuchKey"}
	case match != "" && match != o.etag, r.Header.Get("If-None-Match") == "*" && exists:
		return &memoryError{http.StatusPreconditionFailed, "PreconditionFailed"}
	}
	return nil
}

// checksumHeaders returns the headers that contain a checksum of the object.
func checksumHeaders(from http.Header) http.Header {
	checksums := http.Header{}
	for name, values := range from {
		algorithm, found := strings.CutPrefix(name, "X-Amz-Checksum-")
		if found && algorithm != "Algorithm" && algorithm != "Type" {
			checksums[name] = values
		}
	}
	return checksums
}

type listBucketResult struct {
	Contents       []listedObject
	CommonPrefixes []struct{ Prefix string }
	IsTruncated    bool
}

type listedObject struct {
	Key          string
	LastModified time.Time
	Size         int
	ETag         string
}

func (m *Memory) listObjects(w io.Writer, query url.Values) {
	prefix, after, delimiter := query.Get("prefix"), query.Get("start-after"), query.Get("delimiter")
	limit := limitOf(query, "max-keys")
	var out listBucketResult
	keys := m.sortedKeys()
	from := func(i int, key string) int { // the index of the first key from key on
		found, _ := slices.BinarySearch(keys[i:], key)
		return i + found
	}
	for i := from(0, max(prefix, after+"\x00")); i < len(keys) && strings.HasPrefix(keys[i], prefix); i++ {
		key := keys[i]
		o, exists := m.objects[key]
		if !exists {
			continue
		}
		if out.IsTruncated = len(out.Contents)+len(out.CommonPrefixes) == limit; out.IsTruncated {
			break
		}
		if name, _, nested := strings.Cut(key[len(prefix):], delimiter); delimiter != "" && nested {
			folder := prefix + name + delimiter
			out.CommonPrefixes = append(out.CommonPrefixes, struct{ Prefix string }{folder})
			i = from(i, folder+"\U0010FFFF") - 1
			continue
		}
		out.Contents = append(out.Contents, listedObject{key, o.modified.UTC(), o.size(), o.etag})
	}
	writeXML(w, out)
}

func limitOf(query url.Values, name string) int {
	limit, err := strconv.Atoi(query.Get(name))
	if err != nil {
		return 1000
	}
	return limit
}

func writeXML(w io.Writer, v any) {
	if err := xml.NewEncoder(w).Encode(v); err != nil {
		panic(err) // all values are structs of this package
	}
}
