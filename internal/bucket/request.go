package bucket

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Checksum is a whole-object checksum. Algorithm is S3's name in lower case (sha256, sha1, crc32, crc32c, crc64nvme), Value its
// base64 form.
type Checksum struct{ Algorithm, Value string }

// Upload is what one signed request may store. Zero members are left to the client.
type Upload struct {
	Key                string
	ContentType        string
	ContentDisposition string
	Metadata           map[string]string // names without x-amz-meta-
	Checksum           Checksum
	Size               *int64    // exact length in bytes
	MaxSize            int64     // a form's bound where Size is not known
	WriteOnce          bool      // only where there is no object yet; not for forms
	From, Until        time.Time // when it is signed, and until when it may begin; the credentials may end sooner
}

// SignedRequest is a request that uploads: send Method to URL with Headers or, where there are Fields, as a form of them.
type SignedRequest struct {
	Method    string
	URL       sigv4.SecretURL
	Headers   []sigv4.Header // sorted by name
	Fields    map[string]string
	ExpiresAt time.Time // until when it may begin, in whole seconds
}

// emptySHA256 is the checksum of no bytes. Neither the SDK nor every store signs a Content-Length of 0, so an empty object is
// asked for by its checksum.
const emptySHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// SignPut signs one PUT of u. Length, type and all that u names become headers the client must send exactly so.
func (b *Bucket) SignPut(ctx context.Context, u Upload) (SignedRequest, error) {
	grant, err := newGrant(ctx, b.signing, u.From, u.Until)
	if err != nil {
		return SignedRequest{}, fmt.Errorf("sign PUT %s: %w", u.Key, err)
	}
	headers := u.headers()
	url := b.signer.Presign(grant.credentials, b.publicEndpoint, sigv4.Request{
		Method:  "PUT",
		Key:     u.Key,
		Params:  []sigv4.Param{{Name: "x-id", Value: "PutObject"}}, // as the SDK has it
		Headers: headers,
		Time:    grant.from,
		Expires: grant.lifetime,
	})
	b.hooks.signed(1)
	return SignedRequest{Method: "PUT", URL: url, Headers: headers, ExpiresAt: grant.until()}, nil
}

// SignGet signs a download of key under the name that disposition, a Content-Disposition, gives it. It signs with the service's own
// credentials, because those of uploads may not read. That is safe on every store: a GET changes nothing, and reads its own key only.
func (b *Bucket) SignGet(ctx context.Context, key, disposition string, from, until time.Time) (SignedRequest, error) {
	grant, err := newGrant(ctx, b.creds, from, until)
	if err != nil {
		return SignedRequest{}, fmt.Errorf("sign GET %s: %w", key, err)
	}
	url := b.signer.Presign(grant.credentials, b.publicEndpoint, sigv4.Request{
		Method:  "GET",
		Key:     key,
		Params:  []sigv4.Param{{Name: "response-content-disposition", Value: disposition}, {Name: "x-id", Value: "GetObject"}},
		Time:    grant.from,
		Expires: grant.lifetime,
	})
	b.hooks.signed(1)
	return SignedRequest{Method: "GET", URL: url, ExpiresAt: grant.until()}, nil
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
	case u.Size != nil && *u.Size == 0: // whatever checksum was declared, it is one of no bytes too
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

// grant is the right to sign: with which credentials, from when, and for how long.
type grant struct {
	credentials sigv4.Credentials
	from        time.Time
	lifetime    time.Duration // whole seconds
}

func (g grant) until() time.Time { return g.from.Add(g.lifetime) }

// grantBy reduces the lifetime to that of the provider's credentials, so that no URL expires before the time it states.
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
		credentials: sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken},
		from:        from,
		lifetime:    lifetime,
	}, nil
}
