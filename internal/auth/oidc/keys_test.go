package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// checkReason checks that token is rejected for this reason, or accepted if it is empty.
func checkReason(t *testing.T, what string, verifier *Issuer, token, want string) {
	t.Helper()
	if _, err := verifier.Authenticate(t.Context(), token); reason(t, err) != want {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestRotation(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t)
	a, b := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
	checkReason(t, "the first key", verifier, a, "")
	i.rotate(rsaA, rsaB)
	checkReason(t, "a new key beside the old", verifier, b, "")
	checkReason(t, "the old key", verifier, a, "")
	i.pass(fetchEvery)
	i.rotate(rsaB, ecA)
	checkReason(t, "a newer key in place of the old", verifier, ecA.sign(i.claims(nil), nil), "")
	checkReason(t, "the old key, revoked", verifier, a, "unknown-signer")
	checkReason(t, "the one between", verifier, b, "")
}

func TestRotationWithoutKeyIDs(t *testing.T) {
	nameless := object{"kid": nil}
	i := newIssuer(t, signer{"", "RS256", rsaA.private})
	verifier := i.discover(t)
	checkReason(t, "the first key", verifier, rsaA.sign(i.claims(nil), nameless), "")
	i.rotate(signer{"", "RS256", rsaB.private})
	checkReason(t, "the new key", verifier, rsaB.sign(i.claims(nil), nameless), "")
	checkReason(t, "the old key", verifier, rsaA.sign(i.claims(nil), nameless), "bad-signature")
	checkReason(t, "a key with an unknown id", verifier, rsaB.sign(i.claims(nil), nil), "unknown-signer")
}

// TestRevokedKey: a key that the issuer revokes is no longer accepted after maxAge, even if no token causes a fetch.
func TestRevokedKey(t *testing.T) {
	i := newIssuer(t, rsaA, rsaB)
	verifier := i.discover(t)
	a, b := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
	i.rotate(rsaB)
	i.pass(maxAge - time.Nanosecond)
	checkReason(t, "not old yet", verifier, a, "")
	if got := i.fetched.Load(); got != 1 {
		t.Errorf("keys that are not old were fetched %d times, want once", got)
	}
	i.pass(time.Nanosecond)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := verifier.Authenticate(t.Context(), a); reason(t, err) == "unknown-signer" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the revoked key is still in use")
		}
	}
	checkReason(t, "the other key", verifier, b, "")
}

// TestFetchLimit checks that tokens with unknown key ids cause two fetches, and then one per ten seconds.
func TestFetchLimit(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t) // the first of two
	good := rsaA.sign(i.claims(nil), nil)
	forged := []string{
		rsaB.sign(i.claims(nil), nil),
		rsaB.sign(i.claims(nil), object{"kid": "another"}),
		rsaB.sign(i.claims(nil), object{"kid": nil}),
		good[:len(good)-8] + "AAAAAAAA",
	}
	for round := range 5 {
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				if _, err := verifier.Authenticate(t.Context(), forged[n%len(forged)]); err == nil {
					t.Error("a forged token was accepted")
				}
				checkReason(t, "a good token meanwhile", verifier, good, "")
			})
		}
		all.Wait()
		if got, want := int(i.fetched.Load()), 2+round; got != want {
			t.Errorf("after %d rounds: the keys were fetched %d times, want %d", round+1, got, want)
		}
		i.pass(fetchEvery)
	}
}

// TestForeignTokensCauseNoFetch checks that a token of another issuer or audience, or an expired one, causes no fetch.
func TestForeignTokensCauseNoFetch(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t)
	checkReason(t, "another issuer", verifier, rsaB.sign(i.claims(object{"iss": "https://other"}), nil), "wrong-issuer")
	checkReason(t, "another audience", verifier, rsaB.sign(i.claims(object{"aud": "other"}), nil), "wrong-audience")
	checkReason(t, "expired", verifier, rsaB.sign(i.claims(object{"exp": 1}), nil), "expired")
	checkReason(t, "tampered", verifier, signer{rsaA.id, "RS256", rsaB.private}.sign(i.claims(nil), nil), "bad-signature")
	if got := i.fetched.Load(); got != 1 {
		t.Errorf("the keys were fetched %d times, want once", got)
	}
}

// TestIssuerUnavailable: while the issuer does not answer with keys, the cached keys stay in use. For a token with an
// unknown key, the error is ErrUnavailable.
func TestIssuerUnavailable(t *testing.T) {
	for what, trouble := range map[string]http.HandlerFunc{
		"down":         down,
		"slow":         slow,
		"garbage":      func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>Sorry</html>")) },
		"no keys":      answer(object{"error": "maintenance"}),
		"keys, a text": answer(object{"keys": "none"}),
		"nothing":      func(http.ResponseWriter, *http.Request) {},
		"500":          func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"keys":[]}`, 500) },
		"too much":     func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat(" ", maxDocument+1))) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:1/keys", http.StatusFound)
		},
		"in circles": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, rsaA)
			verifier := i.discover(t)
			if what == "slow" {
				verifier.keys.client.Timeout = 50 * time.Millisecond
			}
			good, unknown := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
			i.keysBy(trouble)
			checkReason(t, "a key that may be new", verifier, unknown, "unavailable")
			checkReason(t, "the same, without a fetch", verifier, unknown, "unavailable")
			checkReason(t, "a known key", verifier, good, "")
			checkReason(t, "a known key, tampered with", verifier, good[:len(good)-8]+"AAAAAAAA", "bad-signature")
			i.pass(40 * time.Minute)
			checkReason(t, "a known key, long after", verifier, good, "")
			_ = verifier.keys.refresh(t.Context()) // waits for the fetch that this started
			verifier.keys.client.Timeout = fetchTimeout
			i.rotate(rsaB)
			i.pass(fetchEvery)
			checkReason(t, "the new key, when the issuer is back", verifier, unknown, "")
			checkReason(t, "the old key, when the issuer is back", verifier, good, "unknown-signer")
		})
	}
}

// TestOtherKeysOfASet: other keys than those for RS256 and ES256 are ignored.
func TestOtherKeysOfASet(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	public := rsaA.private.Public()
	for _, c := range []struct {
		what string
		key  any
		want string
	}{
		{"a key", jose.JSONWebKey{Key: public, KeyID: rsaA.id, Use: "sig", Algorithm: "RS256"}, ""},
		{"a key of no use or algorithm", jose.JSONWebKey{Key: public, KeyID: rsaA.id}, ""},
		{"a key to encrypt with", jose.JSONWebKey{Key: public, KeyID: rsaA.id, Use: "enc"}, "unknown-signer"},
		{"a key of another algorithm", jose.JSONWebKey{Key: public, KeyID: rsaA.id, Algorithm: "PS256"}, "unknown-signer"},
		{"a private key", jose.JSONWebKey{Key: rsaA.private, KeyID: rsaA.id}, "unknown-signer"},
		{"a secret", jose.JSONWebKey{Key: []byte("secret"), KeyID: rsaA.id}, "unknown-signer"},
		{"a weak key", jose.JSONWebKey{Key: weak.Public(), KeyID: rsaA.id}, "unknown-signer"},
		{"another curve", jose.JSONWebKey{Key: other.Public(), KeyID: rsaA.id}, "unknown-signer"},
		{"an unknown kind", object{"kty": "new", "kid": rsaA.id}, "unknown-signer"},
		{"no object", "key", "unknown-signer"},
		{"another name", jose.JSONWebKey{Key: public, KeyID: "other"}, "unknown-signer"},
		{"no name", jose.JSONWebKey{Key: public}, "unknown-signer"},
	} {
		i := newIssuer(t)
		i.keysBy(answer(object{"keys": []any{c.key, jose.JSONWebKey{Key: ecA.private.Public(), KeyID: ecA.id}}}))
		verifier := i.discover(t)
		checkReason(t, c.what, verifier, rsaA.sign(i.claims(nil), nil), c.want)
		checkReason(t, c.what+", and beside it a good one", verifier, ecA.sign(i.claims(nil), nil), "")
	}
}

func TestAllKeysRevoked(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t)
	i.rotate()
	checkReason(t, "a new key", verifier, rsaB.sign(i.claims(nil), nil), "unknown-signer")
	checkReason(t, "the old key", verifier, rsaA.sign(i.claims(nil), nil), "unknown-signer")
}
