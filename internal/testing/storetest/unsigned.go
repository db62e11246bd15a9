package storetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// serveUnsigned serves a request to a store that honors unsigned headers. The store refuses these, so it receives
// requests without them, and this front does what they request.
func (q *Quirky) serveUnsigned(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/"+q.bucket+"/")
	account := q.account
	if strings.HasPrefix(r.URL.Query().Get("X-Amz-Credential"), q.Restricted.AccessKeyID+"/") ||
		strings.Contains(r.Header.Get("Authorization"), "Credential="+q.Restricted.AccessKeyID+"/") {
		account = q.Restricted
	}
	q.mu.Lock()
	public := q.public[key]
	q.mu.Unlock()
	switch {
	case account == q.Restricted && (r.Method != http.MethodPut || !strings.HasPrefix(key, "imports/")):
		refuse(w)
	case presigned(r):
		q.servePresigned(w, r, key, account)
	case r.Header.Get("Authorization") == "" && r.Method == http.MethodGet && public:
		q.readPublic(w, r, key)
	default:
		q.proxy.ServeHTTP(w, r)
	}
}

// servePresigned answers a presigned request: it sends it to the store without unsigned headers, and then applies
// these.
func (q *Quirky) servePresigned(w http.ResponseWriter, r *http.Request, key string, account aws.Credentials) {
	unsigned := http.Header{}
	signed := ";" + r.URL.Query().Get("X-Amz-SignedHeaders") + ";"
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !strings.Contains(signed, ";"+lower+";") {
			unsigned[name] = values
			r.Header.Del(name)
		}
	}
	if account == q.Restricted && len(unsigned) > 0 { // each needs a permission that the account lacks
		refuse(w)
		return
	}
	if r.ContentLength > 0 && len(unsigned["X-Amz-Copy-Source"]) > 0 && r.URL.Query().Has("partNumber") { // as Ceph does
		http.Error(w, "a copy has no body", http.StatusBadRequest)
		return
	}
	if verifyURL(r, account, q.region) != nil || signURL(r, q.account, q.region) != nil {
		refuse(w)
		return
	}
	if r.Method != http.MethodPut || len(unsigned) == 0 {
		q.proxy.ServeHTTP(w, r)
		return
	}
	answered := httptest.NewRecorder()
	q.proxy.ServeHTTP(answered, r)
	if answered.Code == http.StatusOK {
		if err := q.honor(r.Context(), r.URL.Query(), unsigned, key); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	w.WriteHeader(answered.Code)
	answered.Body.WriteTo(w)
}

// honor does what unsigned headers request.
func (q *Quirky) honor(ctx context.Context, query url.Values, unsigned http.Header, key string) (err error) {
	source := strings.TrimPrefix(unsigned.Get("X-Amz-Copy-Source"), "/")
	switch {
	case source != "" && query.Has("partNumber"):
		var number int32
		fmt.Sscan(query.Get("partNumber"), &number)
		_, err = q.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: &q.bucket, Key: &key, CopySource: &source, UploadId: aws.String(query.Get("uploadId")), PartNumber: &number,
		})
	case source != "":
		_, err = q.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &q.bucket, Key: &key, CopySource: &source})
	}
	if tags, _ := url.ParseQuery(unsigned.Get("X-Amz-Tagging")); err == nil && len(tags) > 0 {
		set := &types.Tagging{}
		for name := range tags {
			set.TagSet = append(set.TagSet, types.Tag{Key: &name, Value: aws.String(tags.Get(name))})
		}
		_, err = q.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &q.bucket, Key: &key, Tagging: set})
	}
	if unsigned.Get("X-Amz-Acl") == "public-read" {
		q.mu.Lock()
		q.public[key] = true
		q.mu.Unlock()
	}
	return err
}

func (q *Quirky) readPublic(w http.ResponseWriter, r *http.Request, key string) {
	out, err := q.client.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &q.bucket, Key: &key})
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
