package doctor

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/s3limits"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// probe sends signed requests to a store, as a client does. Clean removes what it wrote.
type probe struct {
	store   *bucket.Bucket
	web     aws.HTTPClient
	pause   func(time.Duration)
	scratch scratch
}

// newProbe returns a probe whose store is not set yet.
func newProbe(settings aws.Config, pause func(time.Duration)) probe {
	p := probe{web: settings.HTTPClient, pause: pause}
	if p.web == nil {
		p.web = awshttp.NewBuildableClient()
	}
	if p.pause == nil {
		p.pause = time.Sleep
	}
	return p
}

// upload returns an upload to a new scratch object, signed from now.
func (p *probe) upload() bucket.Upload {
	now := time.Now()
	return bucket.Upload{Key: p.scratch.object(), From: now, Until: now.Add(roundTripLimit)}
}

// put uploads body to u, with headers that the URL does not sign.
func (p *probe) put(ctx context.Context, u bucket.Upload, body []byte, unsigned ...sigv4.Header) (answer, error) {
	signed, err := p.store.SignPut(ctx, u)
	if err != nil {
		return answer{}, err
	}
	return p.send(ctx, signed, body, unsigned...)
}

// scratch lists what the checks may have written.
type scratch struct {
	keys    []string
	uploads []bucket.Multipart
}

// object and record return a new key that the service's permissions cover.
func (s *scratch) object() string { return s.key("imports/doctor/") }
func (s *scratch) record() string { return s.key("jobs/doctor/") }

// ended removes a completed upload from the list.
func (s *scratch) ended(m bucket.Multipart) {
	s.uploads = slices.DeleteFunc(s.uploads, func(other bucket.Multipart) bool { return other == m })
}

func (s *scratch) key(prefix string) string {
	key := prefix + uuid.NewString()
	s.keys = append(s.keys, key)
	return key
}

const (
	cleanLimit = 20 * time.Second
	// lateLimit is how long a store may continue a canceled request. It could write after clean has deleted.
	lateLimit = time.Second
)

// clean removes the scratch, although ctx may have ended. Cut is set if a request may still be in progress.
func (p *probe) clean(ctx context.Context, cut bool) error {
	if len(p.scratch.keys) == 0 {
		return nil
	}
	if cut {
		p.pause(lateLimit)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	uploads := p.scratch.uploads
	var errs []error
	for _, key := range p.scratch.keys {
		if cut { // an upload may exist whose id was not received
			begun, _, _ := p.store.ListUploads(ctx, key, bucket.Multipart{}, s3limits.MaxListed)
			for _, u := range begun {
				uploads = append(uploads, u.Multipart)
			}
		}
	}
	for _, m := range uploads {
		errs = append(errs, p.store.AbortMultipart(ctx, m))
	}
	for _, key := range p.scratch.keys {
		errs = append(errs, p.store.Delete(ctx, key))
	}
	return errors.Join(errs...)
}

// answer is the response of the store to a signed request.
type answer struct {
	status int
	code   string // of S3's error document
	header http.Header
	body   []byte
}

func (a answer) ok() bool        { return a.status/100 == 2 }
func (a answer) forbidden() bool { return a.status == http.StatusForbidden }
func (a answer) full() bool {
	return a.status == http.StatusInsufficientStorage || strings.Contains(a.code, "Quota") // of MinIO and Ceph
}
func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.code) }

// plain matches error codes that are safe to print.
var plain = regexp.MustCompile(`^[A-Za-z0-9.]{1,64}$`)

// send sends a signed request, as a client does, with headers that the URL does not sign.
func (p *probe) send(
	ctx context.Context, signed bucket.SignedRequest, body []byte, unsigned ...sigv4.Header,
) (answer, error) {
	return p.request(ctx, signed.Method, signed.URL.Reveal(), append(slices.Clone(signed.Headers), unsigned...), body)
}

// request returns only the cause of an error, because http.Client's error contains the whole URL.
func (p *probe) request(ctx context.Context, method, url string, headers []sigv4.Header, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, errors.New("the URL cannot be used")
	}
	for _, h := range headers { // but Content-Length, which net/http takes from the body
		request.Header.Set(h.Name, h.Value)
	}
	response, err := p.web.Do(request)
	if err != nil {
		return answer{}, config.Innermost(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, firstPart+lastPart+1)); err != nil {
		return answer{}, config.Innermost(err)
	}
	var document struct{ Code string }
	if !a.ok() && xml.Unmarshal(a.body, &document) == nil && plain.MatchString(document.Code) {
		a.code = document.Code
	} else {
		a.code = http.StatusText(a.status)
	}
	return a, nil
}
