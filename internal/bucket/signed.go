package bucket

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// sendSignedLifetime is the lifetime of sendSigned's signatures. It is short, because logs of stores and proxies may
// contain them. If the clocks differ by more, the store rejects them, and the SDK sends each request.
const sendSignedLifetime = time.Minute

// sendSigned is the first attempt of the calls that each import makes: it sends one request with our own signature.
// That takes a tenth of the time that the SDK takes for it without the network (20 against 240 µs). Unless the
// response is the expected one, the caller sends the request by the SDK, with its retries and error handling. The
// response is nil if there is none. An error means that the request could not be signed.
func (b *Bucket) sendSigned(
	ctx context.Context, method, key string, headers []sigv4.Header, body []byte,
) (*http.Response, error) {
	now := time.Now()
	grant, err := newGrant(ctx, b.creds, now, now.Add(sendSignedLifetime))
	if err != nil {
		return nil, err
	}
	url := b.signer.Presign(grant.credentials, b.internalEndpoint, sigv4.Request{
		Method: method, Key: key, Headers: headers, Time: grant.from, Expires: grant.lifetime,
	})
	request, err := http.NewRequestWithContext(ctx, method, url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, nil
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "signpost"+userAgentSuffix(ctx))
	response, err := b.httpClient.Do(request)
	if err != nil {
		return nil, nil
	}
	return response, nil
}
