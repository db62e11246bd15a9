// Package oidc tells whose the access tokens of one OpenID Connect issuer are. go-oidc judges them; fetching the issuer's keys within
// bounds, the clock, and why a token is refused are seen to here.
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

// Settings say whose tokens are taken.
type Settings struct {
	Issuer     string       // as its tokens name it, to the letter
	Audience   string       // for whom the tokens must be
	OwnerClaim string       // whose value tells one caller from another; sub when empty
	Client     *http.Client // nil: one like http.DefaultClient
}

// Issuer is one whose tokens are taken.
type Issuer struct {
	Settings
	keys   *keySet
	config *gooidc.Config
	now    func() time.Time
}

// algorithms with which tokens may be signed: the one that every issuer has (RFC 9068, section 2.1), and the one of short signatures.
var algorithms = []string{gooidc.RS256, gooidc.ES256}

// leeway is how far the clocks of issuer and service may be apart.
const leeway = time.Minute

// Discover asks the issuer where its keys are, and fetches them. An error says which setting is in the way.
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
		return nil, fmt.Errorf("SIGNPOST_OIDC_ISSUER=%q: %w", s.Issuer, err)
	}
	keys := newKeySet(s.Client, keysURL, now)
	if err = keys.refresh(ctx); err == nil && keys.cached("") == nil {
		err = fmt.Errorf("none of the keys at %s is for RS256 or ES256, in which tokens must be signed", keysURL)
	}
	if err != nil {
		return nil, fmt.Errorf("SIGNPOST_OIDC_ISSUER=%q: %w", s.Issuer, err)
	}
	// Times are checked here: go-oidc has no leeway for exp, and five minutes for nbf.
	config := &gooidc.Config{ClientID: s.Audience, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true}
	return &Issuer{s, keys, config, now}, nil
}

// keysOf is the address of the issuer's keys (OpenID Connect Discovery, section 4).
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
		return "", fmt.Errorf("the issuer there calls itself %q, which tokens repeat to the letter: set that, if it is the one you mean", found.Issuer)
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		return "", err
	}
	if keys, err := url.Parse(found.Keys); err != nil || keys.Host == "" || keys.Scheme != "https" && keys.Scheme != issuer.Scheme {
		return "", fmt.Errorf("the jwks_uri %q that it names is no address of keys, or less safe than its own", found.Keys)
	}
	return found.Keys, nil
}

// Caller tells whose token it is; it is an auth.Tokens. What the token says of itself is looked at before its signature is, so that a
// refusal names the nearest reason, and believed after that.
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

// verify looks for a key that fits: among those at hand and then, if the token may be signed with a newer one, at the issuer's.
func (i *Issuer) verify(ctx context.Context, token, keyID string) error {
	atHand := i.keys.cached(keyID)
	if i.signed(ctx, token, atHand) {
		return nil
	}
	newer := atHand
	if keyID == "" || atHand == nil {
		if err := i.keys.refresh(ctx); err != nil {
			return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
		}
		newer = i.keys.cached(keyID)
	}
	switch {
	case newer == nil:
		return &auth.Refusal{Reason: "unknown-signer", Detail: "The token is signed with a key that its issuer does not have, or no longer. Get a new one."}
	case newer == atHand || !i.signed(ctx, token, newer): // what did not fit before does not fit now, and costs as much
		return &auth.Refusal{Reason: "bad-signature", Detail: "The token's signature does not fit it. Send the token as it was issued."}
	}
	return nil
}

// signed reports whether one of keys fits token, and all that go-oidc checks is right.
func (i *Issuer) signed(ctx context.Context, token string, keys *gooidc.StaticKeySet) bool {
	if keys == nil {
		return false
	}
	_, err := gooidc.NewVerifier(i.Issuer, keys, i.config).Verify(ctx, token)
	return err == nil
}
