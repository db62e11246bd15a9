package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Limits of fetches, which any caller can cause with an unknown key id: one per 10 seconds. The burst of two finds a
// key that the issuer rotates just after another fetch.
const (
	fetchEvery = 10 * time.Second
	fetchBurst = 2
)

// maxAge is how long a key that the issuer has revoked can stay in use.
const maxAge = 15 * time.Minute

// minRSA is the minimum size of an RSA key, in bits (RFC 7518, section 3.3).
const minRSA = 2048

// keySet caches the issuer's keys. If the issuer does not answer, the cached keys stay in use.
type keySet struct {
	client  *http.Client
	address string
	now     func() time.Time

	keys    atomic.Pointer[jose.JSONWebKeySet]
	due     atomic.Int64       // time of the next fetch, in Unix nanoseconds
	flight  singleflight.Group // calls fetch
	limit   *rate.Limiter
	lastErr error // of the last fetch; only fetch accesses it
}

func newKeySet(client *http.Client, address string, now func() time.Time) *keySet {
	limit := rate.NewLimiter(rate.Every(fetchEvery), fetchBurst)
	s := &keySet{client: client, address: address, now: now, limit: limit}
	s.keys.Store(&jose.JSONWebKeySet{})
	return s
}

// cached returns the keys with this id, or all if it is empty. It never blocks: keys that are due are fetched in the
// background.
func (s *keySet) cached(id string) []jose.JSONWebKey {
	now := s.now()
	if due := s.due.Load(); now.UnixNano() >= due && s.due.CompareAndSwap(due, now.Add(fetchEvery).UnixNano()) {
		s.flight.DoChan("", s.fetch)
	}
	held := s.keys.Load()
	if id == "" {
		return held.Keys
	}
	return held.Key(id)
}

// refresh fetches the keys, once for all concurrent callers. Its error may be that of an earlier fetch.
func (s *keySet) refresh(ctx context.Context) error {
	select {
	case done := <-s.flight.DoChan("", s.fetch):
		return done.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *keySet) fetch() (any, error) {
	now := s.now()
	if !s.limit.AllowN(now, 1) {
		return nil, s.lastErr
	}
	var found struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if s.lastErr = fetchJSON(context.Background(), s.client, s.address, &found); s.lastErr != nil {
		return nil, s.lastErr
	}
	if found.Keys == nil {
		s.lastErr = errors.New(s.address + " returned no keys")
		return nil, s.lastErr
	}
	s.keys.Store(&jose.JSONWebKeySet{Keys: usableKeys(found.Keys)})
	s.due.Store(now.Add(maxAge).UnixNano())
	return nil, nil
}

// usableKeys returns the supported keys. Others are ignored (RFC 7517, section 5).
func usableKeys(keys []jsontext.Value) (usable []jose.JSONWebKey) {
	for _, text := range keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) == nil && isUsable(k) {
			usable = append(usable, k)
		}
	}
	return usable
}

func isUsable(k jose.JSONWebKey) bool {
	if k.Use == "enc" || k.Algorithm != "" && !slices.Contains(algorithms, jose.SignatureAlgorithm(k.Algorithm)) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256()
	}
	return false // a symmetric or private key
}
