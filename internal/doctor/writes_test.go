package doctor

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// signsHeader reports whether r is an upload to a signed URL that includes this header.
func signsHeader(r *http.Request, header string) bool {
	return strings.Contains(r.URL.Path, "/imports/") && strings.Contains(r.URL.Query().Get("X-Amz-SignedHeaders"), header)
}

// acceptAll forwards r and returns 200 instead of an error.
func acceptAll(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err == nil && response.StatusCode >= 400 {
		response.Body.Close()
		return respond(r, 200, "")
	}
	return response, err
}

// ignoreConditions forwards the first conditional write and returns 200 for all later ones.
func ignoreConditions() doer {
	var written atomic.Bool
	return func(r *http.Request) (*http.Response, error) {
		if r.Method == "PUT" && r.Header.Get("If-None-Match")+r.Header.Get("If-Match") != "" && written.Swap(true) {
			return respond(r, 200, "")
		}
		return http.DefaultClient.Do(r)
	}
}

func TestConditionalWrites(t *testing.T) {
	testCheck(t, "conditional writes", []faultRow{
		{name: "no right to the outbox", fault: refuse(403, "AccessDenied", func(r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/outbox/") && r.Method == "PUT"
		}), mark: Fail, found: "writing under outbox/: access denied"},
		{name: "conditions are ignored", fault: ignoreConditions(),
			mark: Fail, found: "a second PUT with If-None-Match: * is accepted; a PUT with If-Match and a stale ETag is accepted"},
		{name: "conditions are not known", fault: refuse(501, "NotImplemented", func(r *http.Request) bool {
			return r.Method == "PUT" && r.Header.Get("If-None-Match") != ""
		}), mark: Fail, found: "NotImplemented"},
		{name: "records may not be written", fault: refuse(403, "AccessDenied", func(r *http.Request) bool {
			return r.Method == "PUT" && strings.Contains(r.URL.Path, "/jobs/")
		}), mark: Fail, found: "access denied"},
	})
}

// unavailableAfter forwards this number of PUTs and fails all later ones.
func unavailableAfter(count int32) doer {
	var puts atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		if r.Method == "PUT" && puts.Add(1) > count {
			return respondError(r, 503, "SlowDown")
		}
		return http.DefaultClient.Do(r)
	}
}

// loseResponse forwards all requests, and loses the response to the first write with If-Match.
func loseResponse() doer {
	var lost atomic.Bool
	return func(r *http.Request) (*http.Response, error) {
		response, err := http.DefaultClient.Do(r)
		if err == nil && r.Header.Get("If-Match") != "" && !lost.Swap(true) {
			response.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
		return response, err
	}
}

// TestRequireConditionalWrites: the service starts unless conditional writes are known not to work.
func TestRequireConditionalWrites(t *testing.T) {
	store := startStore(t)
	for _, c := range []struct {
		name       string
		fault      doer
		start, log string // part of the error, "": none; part of the log
	}{
		{"enforced", http.DefaultClient.Do, "", ""},
		{"ignored", ignoreConditions(), "conditional writes do not work on this store: a second PUT with " +
			"If-None-Match: * is accepted; a PUT with If-Match and a stale ETag is accepted; use a store", ""},
		{"refused", refuse(412, "PreconditionFailed", func(r *http.Request) bool { return r.Header.Get("If-Match") != "" }),
			"a PUT with If-Match and the right ETag is rejected", ""},
		{"ETags without quotes", refuse(412, "PreconditionFailed", func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("If-Match"), `"`)
		}), "", ""},
		{"unknown", refuse(503, "SlowDown", func(r *http.Request) bool { return r.Method == "PUT" }),
			"", `"conditional writes not checked","error":"SlowDown`},
		{"unknown in between", unavailableAfter(1), "", `"conditional writes not checked"`},
		{"a response is lost", loseResponse(), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := store.AWSConfig()
			settings.HTTPClient = c.fault
			var log bytes.Buffer
			err := RequireConditionalWrites(t.Context(), testOptions(store), settings, slog.New(slog.NewJSONHandler(&log, nil)))
			if (err != nil) != (c.start != "") || err != nil && !strings.Contains(err.Error(), c.start) ||
				!strings.Contains(log.String(), c.log) || c.log == "" && log.Len() > 0 {
				t.Errorf("RequireConditionalWrites: got %v and the log %s, want %q and %q", err, log.String(), c.start, c.log)
			}
		})
	}
	expectEmptyBucket(t, store)
}

func TestChecksums(t *testing.T) {
	testCheck(t, "checksums", []faultRow{
		{name: "checksums are ignored", fault: func(r *http.Request) (*http.Response, error) {
			if signsHeader(r, "x-amz-checksum") {
				return acceptAll(r)
			}
			return http.DefaultClient.Do(r)
		}, mark: Warn, found: "a wrong crc64nvme is accepted; a wrong sha256 is accepted"},
		{name: "a checksum is not known", fault: refuse(501, "NotImplemented", func(r *http.Request) bool {
			return signsHeader(r, "x-amz-checksum-crc64nvme") && !r.URL.Query().Has("partNumber")
		}), mark: Warn, found: "crc64nvme is not supported (501 NotImplemented)"},
		{name: "checksums are not kept", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) { a.Header.Del("X-Amz-Checksum-Sha256") })
		}, mark: Warn, found: "HEAD does not return sha256"},
	})
}

func TestSignedURLs(t *testing.T) {
	testCheck(t, "signed URLs", []faultRow{
		{name: "a longer body is taken", fault: func(r *http.Request) (*http.Response, error) {
			if signsHeader(r, "content-length") {
				return acceptAll(r)
			}
			return http.DefaultClient.Do(r)
		}, mark: Fail, found: "an upload of more bytes than signed is accepted"},
	})
}
