package doctor

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestObjectLists(t *testing.T) {
	below := func(prefix string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Query().Get("prefix"), prefix) }
	}
	without := func(pattern string) doer {
		return func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("list-type") == "" {
				return http.DefaultClient.Do(r)
			}
			return alterResponse(r, func(a *http.Response) {
				body, err := io.ReadAll(a.Body)
				if err != nil {
					t.Error(err)
				}
				body = regexp.MustCompile(pattern).ReplaceAll(body, nil)
				a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
				a.Header.Del("Content-Length")
			})
		}
	}
	testCheck(t, "lists", []faultRow{
		{name: "the local store", mark: Pass, found: "a record is listed at once"},
		{name: "objects may not be listed", fault: refuse(403, "AccessDenied", below("imports/")),
			mark: Fail, found: "listing imports/: access denied"},
		{name: "no records", fault: without("(?s)<Contents>.*</Contents>"),
			mark: Fail, found: "a list does not contain a record"},
		{name: "no sizes", fault: without("<Size>.*?</Size>"), mark: Warn, found: "do not contain the size"},
		{name: "no ETags", fault: without("<ETag>.*?</ETag>"), mark: Warn, found: "do not contain the size and the ETag"},
	})
}
