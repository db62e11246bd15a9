// Package oidc authenticates access tokens of one OpenID Connect issuer. go-jose verifies signatures. This package
// fetches the issuer's keys at a limited rate, checks the claims, and reports why a token is rejected.
//
// go-oidc does less: it fetches keys for every token that does not verify (see TestFetchLimit), uses revoked keys until
// then (TestRevokedKey), has no leeway for exp and five minutes for nbf (TestClock), and does not report the reason.
package oidc

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signpost-s3/signpost/internal/auth"
)

// Settings configure an Issuer.
type Settings struct {
	Issuer     string // the exact iss of its tokens
	Audience   string // the required aud
	OwnerClaim string // the claim that identifies the owner (default sub)

	timeout time.Duration // fetchTimeout, except in tests
}

// Issuer is an issuer whose tokens are accepted.
type Issuer struct {
	Settings
	keys *keySet
	now  func() time.Time
}

// algorithms are the accepted signature algorithms: RS256, which every issuer supports (RFC 9068, section 2.1), and
// ES256.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// leeway is the tolerated difference between the clocks of issuer and service.
const leeway = time.Minute

// Discover finds and fetches the issuer's keys.
func Discover(ctx context.Context, s Settings) (*Issuer, error) {
	return discover(ctx, s, time.Now)
}

func discover(ctx context.Context, s Settings, now func() time.Time) (*Issuer, error) {
	s.OwnerClaim = cmp.Or(s.OwnerClaim, "sub")
	client := newClient(cmp.Or(s.timeout, fetchTimeout))
	keysURL, err := discoverKeysURL(ctx, client, s)
	if err != nil {
		return nil, err
	}
	keys := newKeySet(client, keysURL, now)
	if err = keys.refresh(ctx); err == nil && len(keys.cached("")) == 0 {
		err = fmt.Errorf("%s has no key for RS256 or ES256, the supported algorithms of tokens", keysURL)
	}
	if err != nil {
		return nil, err
	}
	return &Issuer{s, keys, now}, nil
}

// discoverKeysURL returns the URL of the issuer's keys (OpenID Connect Discovery, section 4).
func discoverKeysURL(ctx context.Context, client *http.Client, s Settings) (string, error) {
	address, err := url.JoinPath(s.Issuer, ".well-known", "openid-configuration")
	if err != nil {
		return "", err
	}
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := fetchJSON(ctx, client, address, &found); err != nil {
		return "", err
	}
	if found.Issuer != s.Issuer {
		return "", fmt.Errorf("the issuer's document has the issuer %q, which must match exactly: "+
			"set that value if it is the intended issuer", found.Issuer)
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		return "", err
	}
	keys, err := url.Parse(found.Keys)
	if err != nil || keys.Host == "" || keys.Scheme != "https" && keys.Scheme != issuer.Scheme {
		return "", fmt.Errorf("its jwks_uri %q must be an https URL, or http if the issuer is http", found.Keys)
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
	keys := i.keys.cached(keyID)
	if isSigned(token, keys) {
		return nil
	}
	if keyID == "" || len(keys) == 0 {
		if err := i.keys.refresh(ctx); err != nil {
			return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
		}
		keys = i.keys.cached(keyID)
		if isSigned(token, keys) {
			return nil
		}
	}
	if len(keys) == 0 {
		return auth.NewError("unknown-signer",
			"The token is signed with a key that its issuer does not publish. Get a new one.")
	}
	return auth.NewError("bad-signature", "The signature of the token is invalid. Send the token as it was issued.")
}

// isSigned reports whether one of keys verifies token.
func isSigned(token string, keys []jose.JSONWebKey) bool {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	return err == nil && slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		_, err := signed.Verify(k.Key)
		return err == nil
	})
}
