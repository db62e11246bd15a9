package sigv4_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// FuzzSeriesEqualsPresign checks that a series returns the same URLs as Presign.
func FuzzSeriesEqualsPresign(f *testing.F) {
	f.Add("imports/public/x", "2~VmQ", "", uint16(1), uint16(10000), "16777216", "AAAAAA==")
	f.Add("a b/ü", "id+/=", strings.Repeat("T/", 550), uint16(9), uint16(10), "", " x  y ")
	f.Fuzz(func(t *testing.T, key, uploadID, token string, first, second uint16, length, checksum string) {
		c := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret", SessionToken: token}
		e, err := sigv4.ParseEndpoint("https://store.example.com/base/bucket")
		if err != nil {
			t.Fatal(err)
		}
		signer := sigv4.NewSigner("eu-central-1")
		request := func(number string, values ...string) sigv4.Request {
			r := sigv4.Request{Method: "PUT", Key: key, Time: noon, Expires: time.Hour, Params: []sigv4.Param{
				{Name: "x-id", Value: "UploadPart"}, {Name: "uploadId", Value: uploadID}, {Name: "partNumber", Value: number},
			}}
			for i, name := range []string{"content-length", "x-amz-checksum-crc32"}[:len(values)] {
				r.Headers = append(r.Headers, sigv4.Header{Name: name, Value: values[i]})
			}
			return r
		}
		for _, values := range [][]string{nil, {length}, {length, checksum}} {
			series := signer.Series(c, e, request("", values...))
			for _, n := range []uint16{first, second, first} {
				alone := request(strconv.Itoa(int(n)), values...)
				if got, want := series.Presign(int64(n), alone.Headers), signer.Presign(c, e, alone); got != want {
					t.Fatalf("part %d with %q:\n got %s\nwant %s", n, values, got.Reveal(), want.Reveal())
				}
			}
		}
	})
}
