package doctor

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// TestQuirks: doctor names each quirk of a store, and no other check notices it.
func TestQuirks(t *testing.T) {
	store := startStore(t)
	const slow = 100 * time.Millisecond
	for _, c := range []struct {
		quirk storetest.Quirk
		check string
		mark  Mark
		found string
		also  map[string]Mark // other checks that notice it
	}{
		{0, "upload lists", Pass, "uploads below a prefix are listed", nil},
		{storetest.ListsUploadsByExactKey, "upload lists", Pass,
			"the store lists no uploads below a prefix, so the service lists all of the bucket", nil},
		{storetest.ListsLostParts, "multipart", Fail,
			"part 1 is listed as lost; part 2 is listed as lost", map[string]Mark{
				"part checksums": Skip, "object checksums": Skip, "repeated parts": Skip, "upload lists": Skip,
				"unsigned headers": Pass,
			}},
		{storetest.ListsPartsTwice, "repeated parts", Pass,
			"a part that was sent twice is listed twice; the last one counts", nil},
		{storetest.ListsPartsTwiceReversed, "repeated parts", Pass,
			"a part that was sent twice is listed twice; the last one counts", nil},
		{storetest.ListsNoChecksums, "part checksums", Warn,
			"the store lists parts without checksums: resume compares MD5; HEAD does not return the crc64nvme checksum",
			map[string]Mark{"checksums": Warn, "object checksums": Warn}},
		{storetest.IgnoresWholeChecksum, "object checksums", Pass,
			"a wrong crc64nvme of the whole object is accepted, but HEAD returns the right one", nil},
		{storetest.IgnoresWholeChecksum | storetest.ListsNoChecksums, "object checksums", Warn,
			"a wrong crc64nvme of the whole object is not noticed over parts with checksums and over plain parts",
			map[string]Mark{"checksums": Warn, "part checksums": Warn}},
		{storetest.AnswersContentChecksumMismatch, "checksums", Pass,
			"a wrong one is refused with XAmzContentChecksumMismatch", nil},
		{storetest.RefusesQuotedIfMatch, "conditional writes", Pass,
			"If-None-Match and If-Match are enforced, with ETags without quotes", nil},
		{storetest.DelaysConditionalWrites, "conditional writes", Warn, "4 concurrent writes of one key took ", nil},
		{storetest.HonorsUnsignedHeaders, "unsigned headers", Fail, "honored: x-amz-copy-source on PUT URLs", nil},
		{storetest.IgnoresConditions, "conditional writes", Fail, "a second PUT with If-None-Match: * is accepted", nil},
	} {
		t.Run(c.quirk.String(), func(t *testing.T) {
			front := storetest.NewQuirky(t, store.AWSConfig(), store.Bucket(), c.quirk)
			front.Delay = slow
			o := testOptions(store)
			if c.quirk == storetest.DelaysConditionalWrites {
				o.slow = writers * slow
			}
			found := examineAll(t, t.Context(), o, front.AWS)
			for _, check := range wantChecks {
				want := usualMark(check)
				if mark, noticed := c.also[check]; noticed {
					want = mark
				}
				if check == c.check {
					want = c.mark
				}
				if got := found[check]; got.Mark != want || check == c.check && !strings.Contains(got.Found, c.found) {
					t.Errorf("%s: got %+v, want %s", check, got, want)
				}
			}
			if !strings.Contains(found[c.check].Found, c.found) {
				t.Errorf("%s: got %+v, want %q", c.check, found[c.check], c.found)
			}
		})
	}
	expectEmptyBucket(t, store)
}

// TestRepeatedParts: a store that keeps the first of two parts damages objects.
func TestRepeatedParts(t *testing.T) {
	var first bool
	sent := 0
	testCheck(t, "repeated parts", []faultRow{
		{name: "the first part counts", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("partNumber") == "1" && !first {
				first = true
				return http.DefaultClient.Do(r)
			} else if r.URL.Query().Get("partNumber") == "1" {
				return respond(r, 200, "")
			}
			return http.DefaultClient.Do(r)
		}, mark: Fail, found: "the list does not show the last"},
		{name: "a part cannot be replaced", fault: refuse(501, "NotImplemented", func(r *http.Request) bool {
			return r.URL.Query().Get("partNumber") == "1" && r.ContentLength > int64(len("the part"))
		}), mark: Warn, found: "a part can be sent again, but not with other content: uploading a part: 501 NotImplemented"},
		{name: "a part cannot be sent again", fault: func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("partNumber") != "1" {
				return http.DefaultClient.Do(r)
			}
			if sent++; sent > 1 {
				return respondError(r, 409, "InvalidPart")
			}
			return http.DefaultClient.Do(r)
		}, mark: Fail, found: "a part cannot be sent again: uploading a part: 409 InvalidPart"},
	})
}

func TestForms(t *testing.T) {
	form := func(r *http.Request) bool {
		return strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
	}
	testCheck(t, "forms", []faultRow{
		{name: "forms are not known", fault: refuse(501, "NotImplemented", form),
			mark: Warn, found: "a form is rejected: 501 NotImplemented"},
		{name: "policies are ignored", fault: func(r *http.Request) (*http.Response, error) {
			if form(r) {
				return acceptAll(r)
			}
			return http.DefaultClient.Do(r)
		}, mark: Fail, found: "a form with more bytes than its policy permits is accepted; " +
			"a form with another key than its policy permits is accepted"},
	})
}
