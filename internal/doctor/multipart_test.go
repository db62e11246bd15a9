package doctor

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLeftoversOfDoctor: the uploads of the checks are not among the old ones, even on a store with a wrong clock.
func TestLeftoversOfDoctor(t *testing.T) {
	store := startStore(t)
	o, settings := testOptions(store), store.AWSConfig()
	settings.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		return alterResponse(r, func(a *http.Response) {
			if r.Method != http.MethodGet || !r.URL.Query().Has("uploads") {
				return
			}
			list, err := io.ReadAll(a.Body)
			if err != nil {
				t.Error(err)
			}
			old := initiated.ReplaceAllString(string(list), "<Initiated>2020-01-01T00:00:00Z</Initiated>")
			a.Body, a.ContentLength = io.NopCloser(strings.NewReader(old)), int64(len(old))
		})
	})
	found := examineChecks(t, t.Context(), o, settings, selectChecks("credentials", "bucket", "upload lists", "leftovers"))
	if f := found["leftovers"]; f.Mark != Pass || found["upload lists"].Mark != Pass {
		t.Errorf("got %+v, want the uploads of the checks left out", found)
	}
}

var initiated = regexp.MustCompile(`<Initiated>[^<]*</Initiated>`)

// startedUpload returns the list entry of an upload that started this long ago.
func startedUpload(ago time.Duration) string {
	return "<Upload><Key>imports/public/a</Key><UploadId>1</UploadId><Initiated>" +
		time.Now().Add(-ago).UTC().Format(time.RFC3339) + "</Initiated></Upload>"
}

func TestMultipart(t *testing.T) {
	testCheck(t, "multipart", []faultRow{
		{name: "a part is refused", fault: refuse(413, "<script>", func(r *http.Request) bool {
			return r.URL.Query().Get("partNumber") == "2"
		}), mark: Fail, found: "uploading part 2: 413 Request Entity Too Large"},
		{name: "no If-None-Match in completion", fault: refuse(501, "NotImplemented", func(r *http.Request) bool {
			return r.Method == "POST" && r.Header.Get("If-None-Match") != ""
		}), mark: Fail, found: "completing with If-None-Match: NotImplemented"},
		{name: "other bytes come back", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) {
				if r.Method == "GET" && r.URL.Query().Has("X-Amz-Signature") {
					a.Body = io.NopCloser(io.MultiReader(strings.NewReader("?"), a.Body))
				}
			})
		}, mark: Fail, found: "the bytes differ from those uploaded"},
	})
}

func TestPartChecksums(t *testing.T) {
	testCheck(t, "part checksums", []faultRow{
		{name: "no checksums of parts", fault: refuse(400, "InvalidRequest", func(r *http.Request) bool {
			return r.Method == "POST" && r.Header.Get("X-Amz-Checksum-Algorithm") != ""
		}), mark: Warn, found: "starting an upload: InvalidRequest"},
		{name: "the checksum of the whole is not kept", fault: func(r *http.Request) (*http.Response, error) {
			return alterResponse(r, func(a *http.Response) {
				if a.ContentLength > firstPart {
					a.Header.Del("X-Amz-Checksum-Crc64nvme")
				}
			})
		}, mark: Warn, found: "HEAD does not return the crc64nvme checksum"},
	})
}

func TestLeftovers(t *testing.T) {
	testCheck(t, "leftovers", []faultRow{
		{name: "old uploads", fault: answerFor("uploads", 200, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"+
			startedUpload(8*24*time.Hour)+startedUpload(7*24*time.Hour+time.Minute)+startedUpload(7*24*time.Hour-time.Minute)+
			"</ListMultipartUploadsResult>"),
			mark: Warn, found: "incomplete uploads among the first 3 older than SIGNPOST_JOB_TTL=168h: 2"},
		{name: "uploads: access denied", fault: refuseSetting("uploads", 403, "AccessDenied"),
			mark: Warn, found: "lack s3:ListBucketMultipartUploads"},
		{name: "uploads: 501", fault: refuseSetting("uploads", 501, "NotImplemented"),
			mark: Warn, found: "does not list"},
	})
}
