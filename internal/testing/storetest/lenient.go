package storetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Lenient is a proxy for the bucket's store that honors x-amz-* headers which a presigned URL does not sign, as some
// stores do. The store rejects them, so the proxy does what they request. It has a second account that may only put
// objects below imports/.
type Lenient struct {
	AWS        aws.Config      // the bucket's, through the proxy
	Restricted aws.Credentials // of the second account

	store  aws.Config
	client *s3.Client
	bucket string
	proxy  *httputil.ReverseProxy

	mu     sync.Mutex
	public map[string]bool // keys with a public-read ACL
}

// NewLenient returns a proxy for the store of settings. It is closed with the test.
func NewLenient(t testing.TB, settings aws.Config, bucket string) *Lenient {
	t.Helper()
	store, err := url.Parse(aws.ToString(settings.BaseEndpoint))
	if err != nil {
		t.Fatal(err)
	}
	l := &Lenient{
		store: settings, bucket: bucket, public: map[string]bool{},
		client:     s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true }),
		Restricted: aws.Credentials{AccessKeyID: "RESTRICTED", SecretAccessKey: "secret of the restricted account"},
		proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(store)
			if !r.In.URL.Query().Has("X-Amz-Signature") { // the host is signed
				r.Out.Host = r.In.Host
			}
		}},
	}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.AWS = settings.Copy()
	l.AWS.BaseEndpoint = aws.String(server.URL)
	return l
}

func (l *Lenient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/"+l.bucket+"/")
	query := r.URL.Query()
	restricted := strings.HasPrefix(query.Get("X-Amz-Credential"), l.Restricted.AccessKeyID+"/") ||
		strings.Contains(r.Header.Get("Authorization"), "Credential="+l.Restricted.AccessKeyID+"/")
	l.mu.Lock()
	public := l.public[key]
	l.mu.Unlock()
	switch {
	case restricted && (r.Method != http.MethodPut || !strings.HasPrefix(key, "imports/")):
		refuse(w)
	case query.Has("X-Amz-Signature"):
		l.presigned(w, r, key, restricted)
	case r.Header.Get("Authorization") == "" && r.Method == http.MethodGet && public:
		l.readPublic(w, r, key)
	default:
		l.proxy.ServeHTTP(w, r)
	}
}

// presigned answers a presigned request: it sends it to the store without unsigned headers, and then applies these.
func (l *Lenient) presigned(w http.ResponseWriter, r *http.Request, key string, restricted bool) {
	unsigned := http.Header{}
	signed := ";" + r.URL.Query().Get("X-Amz-SignedHeaders") + ";"
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !strings.Contains(signed, ";"+lower+";") {
			unsigned[name] = values
			r.Header.Del(name)
		}
	}
	if restricted && len(unsigned) > 0 { // each needs a permission that the account lacks
		refuse(w)
		return
	}
	if r.ContentLength > 0 && len(unsigned["X-Amz-Copy-Source"]) > 0 && r.URL.Query().Has("partNumber") { // as Ceph does
		http.Error(w, "a copy has no body", http.StatusBadRequest)
		return
	}
	if err := l.resign(r, signed, restricted); err != nil {
		refuse(w)
		return
	}
	if r.Method != http.MethodPut || len(unsigned) == 0 {
		l.proxy.ServeHTTP(w, r)
		return
	}
	answered := httptest.NewRecorder()
	l.proxy.ServeHTTP(answered, r)
	if answered.Code == http.StatusOK {
		if err := l.honor(r.Context(), r.URL.Query(), unsigned, key); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	w.WriteHeader(answered.Code)
	answered.Body.WriteTo(w)
}

// honor does what unsigned headers request.
func (l *Lenient) honor(ctx context.Context, query url.Values, unsigned http.Header, key string) (err error) {
	source := strings.TrimPrefix(unsigned.Get("X-Amz-Copy-Source"), "/")
	switch {
	case source != "" && query.Has("partNumber"):
		var number int32
		fmt.Sscan(query.Get("partNumber"), &number)
		_, err = l.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: &l.bucket, Key: &key, CopySource: &source, UploadId: aws.String(query.Get("uploadId")), PartNumber: &number,
		})
	case source != "":
		_, err = l.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &l.bucket, Key: &key, CopySource: &source})
	}
	if tags, _ := url.ParseQuery(unsigned.Get("X-Amz-Tagging")); err == nil && len(tags) > 0 {
		set := &types.Tagging{}
		for name := range tags {
			set.TagSet = append(set.TagSet, types.Tag{Key: &name, Value: aws.String(tags.Get(name))})
		}
		_, err = l.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &l.bucket, Key: &key, Tagging: set})
	}
	if unsigned.Get("X-Amz-Acl") == "public-read" {
		l.mu.Lock()
		l.public[key] = true
		l.mu.Unlock()
	}
	return err
}

// resign verifies a signature for the proxy's address, and replaces it by one of the store's only account.
func (l *Lenient) resign(r *http.Request, signed string, restricted bool) error {
	query := r.URL.Query()
	at, err := time.Parse("20060102T150405Z", query.Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	creds := l.Restricted
	if !restricted {
		if creds, err = l.store.Credentials.Retrieve(r.Context()); err != nil {
			return err
		}
	}
	got := query.Get("X-Amz-Signature")
	for _, name := range []string{"Algorithm", "Credential", "Date", "SignedHeaders", "Signature"} {
		query.Del("X-Amz-" + name)
	}
	sign := func(creds aws.Credentials, host string) (*url.URL, error) {
		plain := r.Clone(r.Context())
		plain.URL.Host, plain.URL.Scheme, plain.Host, plain.URL.RawQuery = host, "http", host, query.Encode()
		for name := range plain.Header {
			if !strings.Contains(signed, ";"+strings.ToLower(name)+";") {
				plain.Header.Del(name)
			}
		}
		if !strings.Contains(signed, ";content-length;") {
			plain.ContentLength = 0
		}
		made, _, err := v4.NewSigner().PresignHTTP(r.Context(), creds, plain, "UNSIGNED-PAYLOAD", "s3", l.store.Region, at,
			func(o *v4.SignerOptions) { o.DisableURIPathEscaping, o.DisableHeaderHoisting = true, true })
		if err != nil {
			return nil, err
		}
		return url.Parse(made)
	}
	own, err := sign(creds, r.Host)
	if err != nil || own.Query().Get("X-Amz-Signature") != got {
		return fmt.Errorf("signature does not match: %w", err)
	}
	root, err := l.store.Credentials.Retrieve(r.Context())
	if err != nil {
		return err
	}
	store, err := url.Parse(*l.store.BaseEndpoint)
	if err != nil {
		return err
	}
	forwarded, err := sign(root, store.Host)
	if err == nil {
		r.URL.RawQuery = forwarded.RawQuery
	}
	return err
}

func (l *Lenient) readPublic(w http.ResponseWriter, r *http.Request, key string) {
	out, err := l.client.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &l.bucket, Key: &key})
	if err != nil {
		refuse(w)
		return
	}
	defer out.Body.Close()
	io.Copy(w, out.Body)
}

func refuse(w http.ResponseWriter) {
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
}

// Static returns the second account's credentials for the SDK.
func (l *Lenient) Static() aws.CredentialsProvider {
	return credentials.StaticCredentialsProvider{Value: l.Restricted}
}
