package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	fetchTimeout = 5 * time.Second
	maxDocument  = 1 << 20 // bytes of a metadata document or key set; large ones have 20 kB
	maxRedirects = 3
)

// newClient returns a client that does not follow redirects to other hosts: only the issuer's own address can speak for
// it.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		first := before[0].URL
		if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(before) > maxRedirects {
			return fmt.Errorf("it redirects to %s", next.URL.Redacted())
		}
		return nil
	}}
}

// fetchJSON reads the JSON document at address into v.
func fetchJSON(ctx context.Context, client *http.Client, address string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s cannot be fetched: %w", address, errors.Unwrap(err)) // without url.Error's prefix
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returned %s", address, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", address, err)
	case len(text) > maxDocument:
		return fmt.Errorf("%s returns more than %d bytes", address, maxDocument)
	case json.Unmarshal(text, v) != nil:
		return fmt.Errorf("%s does not return the JSON that OpenID Connect requires", address)
	}
	return nil
}
