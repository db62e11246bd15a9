// Package oidc authenticates access tokens of one OpenID Connect issuer. go-oidc verifies signatures and claims. This
// package fetches the issuer's keys at a limited rate, checks times with leeway, and reports why a token is rejected.
package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/signpost-s3/signpost/internal/auth"
)

// Settings configure an Issuer.
type Settings struct {
	Issuer     string       // the exact iss of its tokens
	Audience   string       // the required aud
	OwnerClaim string       // the claim that identifies the owner (default sub)
	Client     *http.Client // nil: http.DefaultClient's settings
}

// Issuer is an issuer whose tokens are accepted.
type Issuer struct {
	Settings
	keys   *keySet
	config *gooidc.Config
	now    func() time.Time
}

// algorithms are the accepted signature algorithms: RS256, which every issuer supports (RFC 9068, section 2.1), and
// ES256.
var algorithms = []string{gooidc.RS256, gooidc.ES256}

// leeway is the tolerated difference between the clocks of issuer and service.
const leeway = time.Minute

// Discover finds and fetches the issuer's keys.
func Discover(ctx context.Context, s Settings) (*Issuer, error) {
	return discover(ctx, s, time.Now)
}

func discover(ctx context.Context, s Settings, now func() time.Time) (*Issuer, error) {
	if s.OwnerClaim == "" {
		s.OwnerClaim = "sub"
	}
	s.Client = limitedClient(s.Client)
	keysURL, err := discoverKeysURL(ctx, s)
	if err != nil {
		return nil, err
	}
	keys := newKeySet(s.Client, keysURL, now)
	if err = keys.refresh(ctx); err == nil && keys.cached("") == nil {
		err = fmt.Errorf("none of the keys at %s is for RS256 or ES256, in which tokens must be signed", keysURL)
	}
	if err != nil {
		return nil, err
	}
	// Issuer.check checks times: go-oidc has no leeway for exp, and five minutes for nbf.
	config := &gooidc.Config{ClientID: s.Audience, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true}
	return &Issuer{s, keys, config, now}, nil
}

// discoverKeysURL returns the URL of the issuer's keys (OpenID Connect Discovery, section 4).
func discoverKeysURL(ctx context.Context, s Settings) (string, error) {
	address, err := url.JoinPath(s.Issuer, ".well-known", "openid-configuration")
	if err != nil {
		return "", err
	}
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := fetchJSON(ctx, s.Client, address, &found); err != nil {
		return "", err
	}
	if found.Issuer != s.Issuer {
		return "", fmt.Errorf("the issuer there calls itself %q, which tokens repeat to the letter: "+
			"set that, if it is the one you mean", found.Issuer)
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		return "", err
	}
	keys, err := url.Parse(found.Keys)
	if err != nil || keys.Host == "" || keys.Scheme != "https" && keys.Scheme != issuer.Scheme {
		return "", fmt.Errorf("the jwks_uri %q that it names is no address of keys, or less safe than its own", found.Keys)
	}
	return found.Keys, nil
}

// Authenticate returns the caller of a token; it is an auth.TokenAuthenticator. It checks the claims before the
// signature, so that an error has the most specific reason.
func (i *Issuer) Authenticate(ctx context.Context, token string) (auth.Caller, error) {
	t, err := parseToken(token)
	if err != nil {
		return auth.Caller{}, err
	}
	if err := i.check(t.claims); err != nil {
		return auth.Caller{}, err
	}
	if err := i.verify(ctx, token, t.header.KeyID); err != nil {
		return auth.Caller{}, err
	}
	return i.callerOf(t.claims)
}

// verify verifies the signature with the cached keys. If the token may be signed with a newer key, it fetches the
// keys again.
func (i *Issuer) verify(ctx context.Context, token, keyID string) error {
	cached := i.keys.cached(keyID)
	if i.signed(ctx, token, cached) {
		return nil
	}
	newer := cached
	if keyID == "" || cached == nil {
		if err := i.keys.refresh(ctx); err != nil {
			return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
		}
		newer = i.keys.cached(keyID)
	}
	switch {
	case newer == nil:
		return auth.NewError("unknown-signer",
			"The token is signed with a key that its issuer does not have, or no longer. Get a new one.")
	case newer == cached || !i.signed(ctx, token, newer): // the same keys need no second check
		return auth.NewError("bad-signature", "The token's signature does not fit it. Send the token as it was issued.")
	}
	return nil
}

// signed reports whether one of keys verifies token, and go-oidc's other checks pass.
func (i *Issuer) signed(ctx context.Context, token string, keys *gooidc.StaticKeySet) bool {
	if keys == nil {
		return false
	}
	_, err := gooidc.NewVerifier(i.Issuer, keys, i.config).Verify(ctx, token)
	return err == nil
}
