package storetest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Quirky is an HTTP front that gives a store Quirks. With HonorsUnsignedHeaders it has a second account, which may only
// put objects below imports/.
type Quirky struct {
	Quirks
	AWS        aws.Config      // of the store, through the front
	Restricted aws.Credentials // of the second account

	account aws.Credentials // the store's only account
	region  string
	client  *s3.Client // of the store
	bucket  string
	proxy   *httputil.ReverseProxy

	mu     sync.Mutex
	public map[string]bool // keys with a public-read ACL
}

// NewQuirky returns a front of the store of settings, for path style. It is closed with the test.
func NewQuirky(t testing.TB, settings aws.Config, bucket string, set Quirk) *Quirky {
	t.Helper()
	store, err := url.Parse(aws.ToString(settings.BaseEndpoint))
	if err != nil {
		t.Fatal(err)
	}
	account, err := settings.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	connections := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(connections.CloseIdleConnections)
	q := &Quirky{
		Quirks:     Quirks{Set: set, Next: connections},
		AWS:        settings.Copy(),
		Restricted: aws.Credentials{AccessKeyID: "RESTRICTED", SecretAccessKey: "secret of the restricted account"},
		account:    account,
		region:     settings.Region,
		client:     s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true }),
		bucket:     bucket,
		public:     map[string]bool{},
	}
	q.resign = q.replaceSignature
	q.proxy = &httputil.ReverseProxy{Transport: &q.Quirks, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(store)
		r.Out.Host = r.In.Host // the host is signed
	}}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	q.AWS.BaseEndpoint = aws.String(server.URL)
	return q
}

// Static returns the second account's credentials for the SDK.
func (q *Quirky) Static() aws.CredentialsProvider {
	return credentials.StaticCredentialsProvider{Value: q.Restricted}
}

func (q *Quirky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if q.has(HonorsUnsignedHeaders) {
		q.serveUnsigned(w, r)
		return
	}
	q.proxy.ServeHTTP(w, r)
}

// replaceSignature signs changed as r was. Signatures in headers are not verified: clients have URLs only.
func (q *Quirky) replaceSignature(r, changed *http.Request) error {
	if !presigned(r) {
		return signHeaders(changed, q.account, q.region)
	}
	if err := verifyURL(r, q.account, q.region); err != nil {
		return err
	}
	return signURL(changed, q.account, q.region)
}
