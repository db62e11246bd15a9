package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Whoever calls can name a key that nobody has, and so have the issuer asked: one fetch in 10 seconds is what they can cause. Two at
// once let a key be found that the issuer changes to just after another fetch.
const (
	fetchEvery = 10 * time.Second
	fetchBurst = 2
)

// maxAge is how long a key that the issuer has taken back can be in use here.
const maxAge = 15 * time.Minute

// minRSA is how many bits an RSA key must have (RFC 7518, section 3.3).
const minRSA = 2048

// keySet holds the issuer's keys. While the issuer is out of reach, those at hand stay in use. go-oidc's own would ask it for every
// token that does not fit, and keep a key that it has taken back until then.
type keySet struct {
	client  *http.Client
	address string
	now     func() time.Time

	keys    atomic.Pointer[keysByID]
	due     atomic.Int64       // when they are to be fetched anew, in Unix nanoseconds
	flight  singleflight.Group // of fetch
	limit   *rate.Limiter
	lastErr error // what the last fetch met; within flight alone
}

// signers are keys by their id; by none, all of them.
type keysByID map[string]*gooidc.StaticKeySet

func newKeySet(client *http.Client, address string, now func() time.Time) *keySet {
	s := &keySet{client: client, address: address, now: now, limit: rate.NewLimiter(rate.Every(fetchEvery), fetchBurst)}
	s.keys.Store(&keysByID{})
	return s
}

// named is nil where no key at hand has that id. Where the keys are old, they are fetched for those who come after; nobody waits.
func (s *keySet) cached(id string) *gooidc.StaticKeySet {
	now := s.now()
	if due := s.due.Load(); now.UnixNano() >= due && s.due.CompareAndSwap(due, now.Add(fetchEvery).UnixNano()) {
		s.flight.DoChan("", s.fetch)
	}
	return (*s.keys.Load())[id]
}

// refresh fetches the keys once for all who ask at a time. Its error is what the last fetch met, which may be an earlier one.
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
		s.lastErr = errors.New(s.address + " answers without keys")
		return nil, s.lastErr
	}
	held := usableKeys(found.Keys)
	s.keys.Store(&held)
	s.due.Store(now.Add(maxAge).UnixNano())
	return nil, nil
}

// byID are those of keys that can be used here. Others are left alone (RFC 7517, section 5).
func usableKeys(keys []jsontext.Value) keysByID {
	named := keysByID{}
	add := func(id string, key crypto.PublicKey) {
		if named[id] == nil {
			named[id] = &gooidc.StaticKeySet{}
		}
		named[id].PublicKeys = append(named[id].PublicKeys, key)
	}
	for _, text := range keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) != nil || !isUsable(k) {
			continue
		}
		add("", k.Key)
		if k.KeyID != "" {
			add(k.KeyID, k.Key)
		}
	}
	return named
}

func isUsable(k jose.JSONWebKey) bool {
	if k.Use == "enc" || k.Algorithm != "" && !slices.Contains(algorithms, k.Algorithm) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256()
	}
	return false // a symmetric key or a private one, which has no business there
}
