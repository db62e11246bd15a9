package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// unsigned is what a store does with x-amz-* headers that an upload URL does not sign. Amazon S3 refuses them, but a
// signature of version 4 cannot forbid headers. A store that honors x-amz-copy-source lets every client with an upload
// URL copy objects of others into its own import.
type unsigned struct {
	honored []string // such as "x-amz-copy-source on PUT URLs"
	copies  bool     // another object was copied
}

func (u unsigned) String() string { return strings.Join(u.honored, ", ") }

// risk describes what a client can do.
func (u unsigned) risk() string {
	if u.copies {
		return "a client with one upload URL can read every object of the bucket"
	}
	return "a client with an upload URL can set them on its own import"
}

// unsignedHeaders sends them, as an attacker would. An error states why the effect is unknown.
func (p *probe) unsignedHeaders(ctx context.Context) (found unsigned, err error) {
	other := p.upload()
	content := []byte("signpost probe " + uuid.NewString())
	if stored, err := p.put(ctx, other, content); err != nil { // an upload by a client: the URLs work
		return unsigned{}, fmt.Errorf("uploading by a signed URL: %w", err)
	} else if stored.full() {
		return unsigned{}, fmt.Errorf("uploading by a signed URL: %w", bucket.ErrStoreFull)
	} else if !stored.ok() {
		return unsigned{}, fmt.Errorf("uploading by a signed URL: %s", stored)
	}
	for _, attempt := range []struct {
		header string
		copies bool
		run    func(ctx context.Context, key string, content []byte) (honored bool, err error)
	}{
		{"x-amz-copy-source on PUT URLs", true, p.copies},
		{"x-amz-copy-source on part URLs", true, p.copiesPart},
		{"x-amz-tagging on PUT URLs", false, p.tags},
		{"x-amz-acl on PUT URLs", false, p.publishes},
	} {
		honored, err := attempt.run(ctx, other.Key, content)
		if err != nil {
			return unsigned{}, fmt.Errorf("%s: %w", attempt.header, err)
		}
		if honored {
			found.honored = append(found.honored, attempt.header)
			found.copies = found.copies || attempt.copies
		}
	}
	return found, nil
}

// accepted reports whether a store accepted a request. A response that a retry may change is an error.
func accepted(a answer, err error) (bool, error) {
	busy := a.status == http.StatusTooManyRequests || a.status >= 500 && a.status != http.StatusNotImplemented
	if err == nil && busy {
		err = errors.New(a.String())
	}
	return a.ok(), err
}

// copySource makes a request a copy. Like S3's own, it has no body: Ceph refuses to copy a part if there is one.
func (p *probe) copySource(key string) sigv4.Header {
	return sigv4.Header{Name: "x-amz-copy-source", Value: "/" + p.store.Name() + "/" + key}
}

// copies reports whether a PUT copied the object at key.
func (p *probe) copies(ctx context.Context, key string, content []byte) (bool, error) {
	u := p.upload()
	if ok, err := accepted(p.put(ctx, u, nil, p.copySource(key))); !ok || err != nil {
		return false, err
	}
	stored, err := p.store.ReadRecord(ctx, u.Key)
	return bytes.Equal(stored.Body, content), err
}

// copiesPart reports whether a part became the object at key.
func (p *probe) copiesPart(ctx context.Context, key string, content []byte) (bool, error) {
	u := p.upload()
	m := bucket.Multipart{Key: u.Key}
	var err error
	if m.UploadID, err = p.store.CreateMultipart(ctx, u); bucket.Unsupported(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	p.scratch.uploads = append(p.scratch.uploads, m)
	signed, err := p.store.SignParts(ctx, m, []bucket.Part{{Number: 1}}, u.From, u.Until)
	if err != nil {
		return false, err
	}
	if plain, err := p.send(ctx, signed[0], []byte("own")); err != nil {
		return false, err
	} else if !plain.ok() {
		return false, fmt.Errorf("uploading a part by its URL: %s", plain)
	}
	if ok, err := accepted(p.send(ctx, signed[0], nil, p.copySource(key))); !ok || err != nil {
		return false, err
	}
	parts, err := p.store.AllParts(ctx, m)
	return slices.ContainsFunc(parts, func(part bucket.Part) bool { return part.Size == int64(len(content)) }), err
}

// tags reports whether a PUT set a tag. It also reports true if the credentials cannot read tags.
func (p *probe) tags(ctx context.Context, _ string, _ []byte) (bool, error) {
	u := p.upload()
	tag := sigv4.Header{Name: "x-amz-tagging", Value: "signpost=probe"}
	if ok, err := accepted(p.put(ctx, u, []byte("own"), tag)); !ok || err != nil {
		return false, err
	}
	tagged, err := p.store.HasTags(ctx, u.Key)
	switch {
	case errors.Is(err, bucket.ErrForbidden):
		return true, nil
	case bucket.Unsupported(err), errors.Is(err, bucket.ErrNotFound):
		return false, nil
	}
	return tagged, err
}

// publishes reports whether a PUT made its object public, although the object at key is not.
func (p *probe) publishes(ctx context.Context, key string, _ []byte) (bool, error) {
	u := p.upload()
	signed, err := p.store.SignPut(ctx, u)
	if err != nil {
		return false, err
	}
	acl := sigv4.Header{Name: "x-amz-acl", Value: "public-read"}
	if ok, err := accepted(p.send(ctx, signed, []byte("own"), acl)); !ok || err != nil {
		return false, err
	}
	plain := signed.URL.String() // without the signature
	public, err := p.request(ctx, http.MethodGet, plain, nil, nil)
	if err != nil || !public.ok() {
		return false, err
	}
	other, err := p.request(ctx, http.MethodGet, strings.TrimSuffix(plain, u.Key)+key, nil, nil)
	return err == nil && !other.ok(), err
}
