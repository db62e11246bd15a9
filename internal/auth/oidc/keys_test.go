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

// judged checks that token is rejected for this reason, or accepted if it is empty.
func judged(t *testing.T, what string, judge *Issuer, token, want string) {
	t.Helper()
	if _, err := judge.Authenticate(t.Context(), token); reason(t, err) != want {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestRotation(t *testing.T) {
	i := newIssuer(t, rsaA)
	judge := i.discover(t)
	a, b := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
	judged(t, "the first key", judge, a, "")
	i.rotate(rsaA, rsaB)
	judged(t, "a new key beside the old", judge, b, "")
	judged(t, "the old key", judge, a, "")
	i.pass(fetchEvery)
	i.rotate(rsaB, ecA)
	judged(t, "a newer key in place of the old", judge, ecA.sign(i.claims(nil), nil), "")
	judged(t, "the old key, taken back", judge, a, "unknown-signer")
	judged(t, "the one between", judge, b, "")
}

func TestRotationWithoutKeyIDs(t *testing.T) {
	nameless := object{"kid": nil}
	i := newIssuer(t, signer{"", "RS256", rsaA.private})
	judge := i.discover(t)
	judged(t, "the first key", judge, rsaA.sign(i.claims(nil), nameless), "")
	i.rotate(signer{"", "RS256", rsaB.private})
	judged(t, "the new key", judge, rsaB.sign(i.claims(nil), nameless), "")
	judged(t, "the old key", judge, rsaA.sign(i.claims(nil), nameless), "bad-signature")
	judged(t, "a key with an unknown id", judge, rsaB.sign(i.claims(nil), nil), "unknown-signer")
}

// A key that the issuer takes back is out of use here a while later, though no token asks for a new one.
func TestWithdrawnKey(t *testing.T) {
	i := newIssuer(t, rsaA, rsaB)
	judge := i.discover(t)
	a, b := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
	i.rotate(rsaB)
	i.pass(maxAge - time.Nanosecond)
	judged(t, "not old yet", judge, a, "")
	if got := i.fetched.Load(); got != 1 {
		t.Errorf("keys that are not old were fetched %d times, want once", got)
	}
	i.pass(time.Nanosecond)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := judge.Authenticate(t.Context(), a); reason(t, err) == "unknown-signer" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the key that was taken back is still in use")
		}
	}
	judged(t, "the other key", judge, b, "")
}

// TestHammering checks that tokens with unknown key ids cause two fetches, and then one per ten seconds.
func TestHammering(t *testing.T) {
	i := newIssuer(t, rsaA)
	judge := i.discover(t) // the first of two
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
				if _, err := judge.Authenticate(t.Context(), forged[n%len(forged)]); err == nil {
					t.Error("a forged token was taken")
				}
				judged(t, "a good token meanwhile", judge, good, "")
			})
		}
		all.Wait()
		if got, want := int(i.fetched.Load()), 2+round; got != want {
			t.Errorf("after %d rounds: the keys were fetched %d times, want %d", round+1, got, want)
		}
		i.pass(fetchEvery)
	}
}

// TestTokensOfOthersCauseNoFetch checks that a token of another issuer or audience, or an expired one, causes no fetch.
func TestTokensOfOthersCauseNoFetch(t *testing.T) {
	i := newIssuer(t, rsaA)
	judge := i.discover(t)
	judged(t, "another issuer", judge, rsaB.sign(i.claims(object{"iss": "https://other"}), nil), "wrong-issuer")
	judged(t, "another audience", judge, rsaB.sign(i.claims(object{"aud": "other"}), nil), "wrong-audience")
	judged(t, "expired", judge, rsaB.sign(i.claims(object{"exp": 1}), nil), "expired")
	judged(t, "tampered", judge, signer{rsaA.id, "RS256", rsaB.private}.sign(i.claims(nil), nil), "bad-signature")
	if got := i.fetched.Load(); got != 1 {
		t.Errorf("the keys were fetched %d times, want once", got)
	}
}

// While the issuer cannot be asked, the keys at hand go on working, and of others it cannot be said whether they are
// right.
func TestIssuerOutOfReach(t *testing.T) {
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
			judge := i.discover(t)
			judge.keys.client.Timeout = 2 * time.Second
			good, unknown := rsaA.sign(i.claims(nil), nil), rsaB.sign(i.claims(nil), nil)
			i.keysBy(trouble)
			judged(t, "a key that may be new", judge, unknown, "unavailable")
			judged(t, "the same, without a fetch", judge, unknown, "unavailable")
			judged(t, "a known key", judge, good, "")
			judged(t, "a known key, tampered with", judge, good[:len(good)-8]+"AAAAAAAA", "bad-signature")
			i.pass(40 * time.Minute)
			judged(t, "a known key, long after", judge, good, "")
			_ = judge.keys.refresh(t.Context()) // waits for the fetch that this started
			i.rotate(rsaB)
			i.pass(fetchEvery)
			judged(t, "the new key, when the issuer is back", judge, unknown, "")
			judged(t, "the old key, when the issuer is back", judge, good, "unknown-signer")
		})
	}
}

// What a set holds besides keys for RS256 and ES256 is left alone.
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
		judge := i.discover(t)
		judged(t, c.what, judge, rsaA.sign(i.claims(nil), nil), c.want)
		judged(t, c.what+", and beside it a good one", judge, ecA.sign(i.claims(nil), nil), "")
	}
}

func TestAnIssuerMayTakeBackAllKeys(t *testing.T) {
	i := newIssuer(t, rsaA)
	judge := i.discover(t)
	i.rotate()
	judged(t, "a new key", judge, rsaB.sign(i.claims(nil), nil), "unknown-signer")
	judged(t, "the old key", judge, rsaA.sign(i.claims(nil), nil), "unknown-signer")
}
