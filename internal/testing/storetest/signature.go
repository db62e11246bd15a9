package storetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const signatureTime = "20060102T150405Z"

// presigned reports whether the signature of r is in its URL.
func presigned(r *http.Request) bool { return r.URL.Query().Has("X-Amz-Signature") }

// verifyURL returns an error unless account signed the URL of r.
func verifyURL(r *http.Request, account aws.Credentials, region string) error {
	own := r.Clone(r.Context())
	if err := signURL(own, account, region); err != nil {
		return err
	}
	if own.URL.Query().Get("X-Amz-Signature") != r.URL.Query().Get("X-Amz-Signature") {
		return fmt.Errorf("the signature of %s is not that of %s", r.URL.Path, account.AccessKeyID)
	}
	return nil
}

// signURL replaces the signature in the URL of r by one of account, at the same time and of the same headers, except
// those that r no longer has.
func signURL(r *http.Request, account aws.Credentials, region string) error {
	query := r.URL.Query()
	at, err := time.Parse(signatureTime, query.Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	signed := ";" + query.Get("X-Amz-SignedHeaders") + ";"
	for _, name := range []string{"Algorithm", "Credential", "Date", "SignedHeaders", "Signature"} {
		query.Del("X-Amz-" + name)
	}
	plain := r.Clone(r.Context())
	plain.URL.Host, plain.URL.Scheme, plain.URL.RawQuery = r.Host, "http", query.Encode()
	for name := range plain.Header {
		if !strings.Contains(signed, ";"+strings.ToLower(name)+";") {
			plain.Header.Del(name)
		}
	}
	if !strings.Contains(signed, ";content-length;") {
		plain.ContentLength = 0
	}
	made, _, err := v4.NewSigner().PresignHTTP(r.Context(), account, plain, "UNSIGNED-PAYLOAD", "s3", region, at,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping, o.DisableHeaderHoisting = true, true })
	if err != nil {
		return err
	}
	u, err := url.Parse(made)
	if err == nil {
		r.URL.RawQuery = u.RawQuery
	}
	return err
}

// signHeaders replaces the signature in the headers of r by one of account, of all headers.
func signHeaders(r *http.Request, account aws.Credentials, region string) error {
	at, err := time.Parse(signatureTime, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	r.Header.Del("Authorization")
	return v4.NewSigner().SignHTTP(r.Context(), account, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", region, at,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
}
