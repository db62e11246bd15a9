package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for RS384 and EdDSA
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signpost-s3/signpost/internal/auth"
)

const audience = "https://signpost.example.com"

// moment is the start of these tests' clock.
var moment = time.Unix(1_800_000_000, 0)

// issuer is a test issuer with real keys on a local HTTP server.
type issuer struct {
	*httptest.Server
	fetched atomic.Int32 // number of key fetches
	clock   atomic.Int64 // the verifier's clock, in nanoseconds since moment

	mu     sync.Mutex
	keys   http.HandlerFunc
	itself http.HandlerFunc
}

func newIssuer(t testing.TB, keys ...signer) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		keys, itself := i.keys, i.itself
		i.mu.Unlock()
		switch r.URL.Path {
		case "/realm/.well-known/openid-configuration":
			itself(w, r)
		case "/realm/keys":
			i.fetched.Add(1)
			keys(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(i.Close)
	i.itself = answer(map[string]string{"issuer": i.name(), "jwks_uri": i.name() + "/keys"})
	i.rotate(keys...)
	return i
}

func (i *issuer) name() string { return i.URL + "/realm" }

// rotate replaces the issuer's keys.
func (i *issuer) rotate(keys ...signer) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Use: "sig"})
	}
	i.keysBy(answer(set))
}

func (i *issuer) keysBy(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = h
}

func (i *issuer) itselfBy(h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.itself = h
}

func answer(v any) http.HandlerFunc {
	text, err := json.Marshal(v)
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(text)
	}
}

// down closes every connection.
func down(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// slow answers after the client's timeout.
func slow(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func (i *issuer) now() time.Time { return moment.Add(time.Duration(i.clock.Load())) }

// pass advances the clock.
func (i *issuer) pass(d time.Duration) { i.clock.Add(int64(d)) }

func (i *issuer) settings() Settings {
	return Settings{Issuer: i.name(), Audience: audience}
}

// discover returns an Issuer for i.
func (i *issuer) discover(t testing.TB) *Issuer {
	t.Helper()
	return i.discoverBy(t, "")
}

func (i *issuer) discoverBy(t testing.TB, ownerClaim string) *Issuer {
	t.Helper()
	settings := i.settings()
	settings.OwnerClaim = ownerClaim
	found, err := discover(t.Context(), settings, i.now)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// claims returns the claims of a valid token.
func (i *issuer) claims(changes object) object {
	c := object{
		"iss": i.name(),
		"aud": audience,
		"sub": "alice",
		"iat": moment.Unix(),
		"exp": moment.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

type object map[string]any

// null is a present claim without a value.
var null = json.RawMessage("null")

// signer is a signing key of an issuer.
type signer struct {
	id      string
	alg     string
	private interface{ Public() crypto.PublicKey }
}

// Keys are created once: an RSA key takes a while.
var (
	rsaA, rsaB = newRSA("rsa-a"), newRSA("rsa-b")
	ecA        = signer{"ec-a", "ES256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
)

func newRSA(id string) signer {
	return signer{id, "RS256", must(rsa.GenerateKey(rand.Reader, minRSA))}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// sign returns a token with these claims, and with changes in its header.
func (s signer) sign(claims, changes object) string {
	header := object{"alg": s.alg, "kid": s.id, "typ": "JWT"}
	for name, value := range changes {
		if header[name] = value; value == nil {
			delete(header, name)
		}
	}
	return s.signText(part(header) + "." + part(claims))
}

// signText signs by the signer's algorithm, regardless of the header.
func (s signer) signText(text string) string {
	return text + "." + base64.RawURLEncoding.EncodeToString(must(s.signature([]byte(text))))
}

func (s signer) signature(text []byte) ([]byte, error) {
	hash := sha256.Sum256(text)
	switch s.alg {
	case "RS256":
		return rsa.SignPKCS1v15(nil, s.private.(*rsa.PrivateKey), crypto.SHA256, hash[:])
	case "RS384":
		h := crypto.SHA384.New()
		h.Write(text)
		return rsa.SignPKCS1v15(nil, s.private.(*rsa.PrivateKey), crypto.SHA384, h.Sum(nil))
	case "PS256":
		return rsa.SignPSS(rand.Reader, s.private.(*rsa.PrivateKey), crypto.SHA256, hash[:], nil)
	case "ES256":
		r, v, err := ecdsa.Sign(rand.Reader, s.private.(*ecdsa.PrivateKey), hash[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		v.FillBytes(signature[32:])
		return signature, nil
	case "EdDSA":
		return ed25519.Sign(s.private.(ed25519.PrivateKey), text), nil
	case "none":
		return nil, nil
	}
	return nil, errors.New(s.alg + " is not known here")
}

// signHMAC signs a token with HMAC and a public key as the secret: an algorithm confusion attack.
func signHMAC(secret []byte, claims object) string {
	text := part(object{"alg": "HS256", "kid": rsaA.id}) + "." + part(claims)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func part(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }

// reason returns the reason of err, "unavailable", or "" for nil.
func reason(t *testing.T, err error) string {
	t.Helper()
	var refusal *auth.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, auth.ErrUnavailable):
		return "unavailable"
	case errors.As(err, &refusal):
		return refusal.Reason
	}
	t.Errorf("got error %v, want a refusal or ErrUnavailable", err)
	return "other"
}
