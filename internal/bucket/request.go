package bucket

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Checksum is a checksum of a whole object. Algorithm is S3's name in lower case (sha256, sha1, crc32, crc32c,
// crc64nvme), Value is base64.
type Checksum struct{ Algorithm, Value string }

// Upload describes what a signed request may store. Clients choose what is zero.
type Upload struct {
	Key                string
	ContentType        string
	ContentDisposition string
	Metadata           map[string]string // names without x-amz-meta-
	Checksum           Checksum
	Size               *int64    // exact, in bytes
	MaxSize            int64     // a form's limit if Size is unknown, in bytes
	WriteOnce          bool      // fails if the key exists; not for forms
	From, Until        time.Time // when the upload may start; credentials may expire earlier
}

// SignedRequest is a signed upload: send Method to URL with Headers or, if there are Fields, as a form.
type SignedRequest struct {
	Method    string
	URL       sigv4.SecretURL
	Headers   []sigv4.Header // sorted by name
	Fields    map[string]string
	ExpiresAt time.Time // when the request must have started; precision: 1 s
}

// emptySHA256 is the checksum of an empty object. It replaces Content-Length: 0, which the SDK and some stores do not
// sign.
const emptySHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// SignPut signs a PUT of u. The client must send all returned headers unchanged.
func (b *Bucket) SignPut(ctx context.Context, u Upload) (SignedRequest, error) {
	return b.presign(ctx, b.signing, u.From, u.Until, sigv4.Request{
		Method:  "PUT",
		Key:     u.Key,
		Params:  []sigv4.Param{{Name: "x-id", Value: "PutObject"}}, // as the SDK does
		Headers: u.headers(),
	})
}

// SignGet signs a download of key with this Content-Disposition. It uses the service's own credentials, because those
// for uploads may not read. That is safe on every store: a GET changes nothing and reads only its key.
func (b *Bucket) SignGet(ctx context.Context, key, disposition string, from, until time.Time) (SignedRequest, error) {
	return b.presign(ctx, b.creds, from, until, sigv4.Request{
		Method: "GET",
		Key:    key,
		Params: []sigv4.Param{
			{Name: "response-content-disposition", Value: disposition}, {Name: "x-id", Value: "GetObject"},
		},
	})
}

// presign signs r, which may start between from and until.
func (b *Bucket) presign(
	ctx context.Context, provider aws.CredentialsProvider, from, until time.Time, r sigv4.Request,
) (SignedRequest, error) {
	grant, err := newGrant(ctx, provider, from, until)
	if err != nil {
		return SignedRequest{}, fmt.Errorf("sign %s %s: %w", r.Method, r.Key, err)
	}
	r.Time, r.Expires = grant.from, grant.lifetime
	url := b.signer.Presign(grant.credentials, b.publicEndpoint, r)
	b.hooks.signed(1)
	return SignedRequest{Method: r.Method, URL: url, Headers: r.Headers, ExpiresAt: grant.until()}, nil
}

func (u Upload) headers() []sigv4.Header {
	var hs []sigv4.Header
	add := func(name, value string) {
		if value != "" {
			hs = append(hs, sigv4.Header{Name: name, Value: value})
		}
	}
	add("content-type", u.ContentType)
	add("content-disposition", u.ContentDisposition)
	for name, value := range u.Metadata {
		add("x-amz-meta-"+name, value)
	}
	switch {
	case u.Size != nil && *u.Size == 0: // a declared checksum is also one of an empty object
		add("x-amz-checksum-sha256", emptySHA256)
	case u.Checksum.Algorithm != "":
		add("x-amz-checksum-"+u.Checksum.Algorithm, u.Checksum.Value)
	}
	if u.Size != nil && *u.Size > 0 {
		add("content-length", strconv.FormatInt(*u.Size, 10))
	}
	if u.WriteOnce {
		add("if-none-match", "*")
	}
	return hs
}

// grant contains credentials, and the period for which they may sign.
type grant struct {
	credentials sigv4.Credentials
	from        time.Time
	lifetime    time.Duration // whole seconds
}

func (g grant) until() time.Time { return g.from.Add(g.lifetime) }

// newGrant limits the period to the lifetime of the provider's credentials, so that no URL expires before the time it
// states.
func newGrant(ctx context.Context, provider aws.CredentialsProvider, from, until time.Time) (grant, error) {
	c, err := retrieve(ctx, provider)
	if err != nil {
		return grant{}, err
	}
	from = from.UTC().Truncate(time.Second)
	lifetime := min(until.Sub(from), sigv4.MaxExpires)
	if lifetime < time.Second {
		return grant{}, fmt.Errorf("asked to sign from %s until %s", from, until)
	}
	if c.CanExpire {
		lifetime = min(lifetime, c.Expires.Sub(from))
	}
	lifetime = lifetime.Truncate(time.Second)
	if lifetime < time.Second {
		return grant{}, fmt.Errorf("%w at %s", ErrCredentialsExpired, c.Expires.UTC().Format(time.RFC3339))
	}
	return grant{
		credentials: sigv4.Credentials{
			AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		},
		from:     from,
		lifetime: lifetime,
	}, nil
}
