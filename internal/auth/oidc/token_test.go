package oidc

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

func TestTokens(t *testing.T) {
	i := newIssuer(t, rsaA, ecA)
	verifier := i.discover(t)
	ok := i.claims(nil)
	good := rsaA.sign(ok, nil)
	parts := strings.Split(good, ".")
	other := strings.Split(rsaA.sign(i.claims(object{"sub": "mallory"}), nil), ".")
	der := must(x509.MarshalPKIXPublicKey(rsaA.private.Public()))
	pkcs1 := x509.MarshalPKCS1PublicKey(rsaA.private.Public().(*rsa.PublicKey))
	inPEM := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := func(alg string) signer { return signer{rsaA.id, alg, rsaA.private} }
	encrypter := must(
		jose.NewEncrypter(
			jose.A128GCM,
			jose.Recipient{Algorithm: jose.RSA_OAEP, Key: rsaA.private.Public()},
			(&jose.EncrypterOptions{}).WithContentType("JWT"),
		),
	)
	encrypted := must(must(encrypter.Encrypt([]byte(good))).CompactSerialize())
	signature := must(base64.RawURLEncoding.DecodeString(parts[2]))
	signature[0] ^= 1

	for _, c := range []struct {
		what, token string
		want        string // the error's reason
	}{
		{"RS256", good, ""},
		{"ES256", ecA.sign(ok, nil), ""},
		{"typ at+jwt", rsaA.sign(ok, object{"typ": "at+jwt"}), ""},
		{"typ AT+JWT", rsaA.sign(ok, object{"typ": "AT+JWT"}), ""},
		{"typ application/at+jwt", rsaA.sign(ok, object{"typ": "application/at+jwt"}), ""},
		{"no typ", rsaA.sign(ok, object{"typ": nil}), ""},
		{"no kid", rsaA.sign(ok, object{"kid": nil}), ""},
		{"no kid, the second key", ecA.sign(ok, object{"kid": nil}), ""},
		{"several audiences", rsaA.sign(i.claims(object{"aud": []string{"https://other", audience}}), nil), ""},
		{"unknown header members", rsaA.sign(ok, object{"x": 1, "jku": "https://evil.example"}), ""},

		{"no issuer", rsaA.sign(i.claims(object{"iss": nil}), nil), "wrong-issuer"},
		{"another issuer", rsaA.sign(i.claims(object{"iss": "https://evil.example"}), nil), "wrong-issuer"},
		{"issuer with slash", rsaA.sign(i.claims(object{"iss": i.name() + "/"}), nil), "wrong-issuer"},
		{"issuer a list", rsaA.sign(i.claims(object{"iss": []string{i.name()}}), nil), "wrong-issuer"},
		{"no audience", rsaA.sign(i.claims(object{"aud": nil}), nil), "wrong-audience"},
		{"another audience", rsaA.sign(i.claims(object{"aud": "https://other"}), nil), "wrong-audience"},
		{"other audiences", rsaA.sign(i.claims(object{"aud": []string{"https://other", ""}}), nil), "wrong-audience"},
		{"audience of words", rsaA.sign(i.claims(object{"aud": "https://other " + audience}), nil), "wrong-audience"},
		{"audience a number", rsaA.sign(i.claims(object{"aud": 1}), nil), "wrong-audience"},
		{
			"audience the client, as in an ID token", rsaA.sign(i.claims(object{"aud": "client", "azp": audience}), nil),
			"wrong-audience",
		},
		{"no expiry", rsaA.sign(i.claims(object{"exp": nil}), nil), "malformed"},
		{"expiry a text", rsaA.sign(i.claims(object{"exp": "1900000000"}), nil), "malformed"},
		{"expiry in milliseconds", rsaA.sign(i.claims(object{"exp": moment.UnixMilli()}), nil), "malformed"},
		{"expired long ago", rsaA.sign(i.claims(object{"exp": 1}), nil), "expired"},
		{"valid from tomorrow", rsaA.sign(i.claims(object{"nbf": moment.Add(24 * time.Hour).Unix()}), nil), "not-yet-valid"},
		{"beginning a text", rsaA.sign(i.claims(object{"nbf": "1700000000"}), nil), "malformed"},
		{"issue time a text", rsaA.sign(i.claims(object{"iat": "1700000000"}), nil), "malformed"},
		{"no subject", rsaA.sign(i.claims(object{"sub": nil}), nil), "no-owner"},
		{"empty subject", rsaA.sign(i.claims(object{"sub": ""}), nil), "no-owner"},
		{"scope a number", rsaA.sign(i.claims(object{"scope": 1}), nil), "malformed"},
		{"scp an object", rsaA.sign(i.claims(object{"scp": object{}}), nil), "malformed"},

		{"algorithm none", as("none").sign(ok, nil), "wrong-algorithm"},
		{"algorithm None", as("none").sign(ok, object{"alg": "None"}), "wrong-algorithm"},
		{"no algorithm", rsaA.sign(ok, object{"alg": nil}), "wrong-algorithm"},
		{"RS256 without signature", as("none").sign(ok, object{"alg": "RS256"}), "bad-signature"},
		{"HS256 by the public key, PEM", signHMAC(inPEM("PUBLIC KEY", der), ok), "wrong-algorithm"},
		{"HS256 by the public key, DER", signHMAC(der, ok), "wrong-algorithm"},
		{"HS256 by the public key, PKCS #1 PEM", signHMAC(inPEM("RSA PUBLIC KEY", pkcs1), ok), "wrong-algorithm"},
		{"HS256 by the public key, PKCS #1 DER", signHMAC(pkcs1, ok), "wrong-algorithm"},
		{"RS384", as("RS384").sign(ok, nil), "wrong-algorithm"},
		{"RS384 that calls itself RS256", as("RS384").sign(ok, object{"alg": "RS256"}), "bad-signature"},
		{"PS256", as("PS256").sign(ok, nil), "wrong-algorithm"},
		{"PS256 that calls itself RS256", as("PS256").sign(ok, object{"alg": "RS256"}), "bad-signature"},
		{"EdDSA", signer{rsaA.id, "EdDSA", ed}.sign(ok, nil), "wrong-algorithm"},
		{"ES256 by an RSA key", rsaA.sign(ok, object{"alg": "ES256"}), "bad-signature"},
		{"RS256 by an EC key", ecA.sign(ok, object{"alg": "RS256"}), "bad-signature"},

		{"unknown key", rsaB.sign(ok, nil), "unknown-signer"},
		{"another's key by a known name", signer{rsaA.id, "RS256", rsaB.private}.sign(ok, nil), "bad-signature"},
		{"another's key without a name", rsaB.sign(ok, object{"kid": nil}), "bad-signature"},
		{
			"a key that the token brings along",
			rsaB.sign(ok, object{"kid": rsaA.id, "jwk": jose.JSONWebKey{Key: rsaB.private.Public()}}), "bad-signature",
		},
		{"typ logout+jwt", rsaA.sign(ok, object{"typ": "logout+jwt"}), "wrong-type"},
		{"typ JWE", rsaA.sign(ok, object{"typ": "JWE"}), "wrong-type"},
		{"crit", rsaA.sign(ok, object{"crit": []string{"exp"}, "exp": 1}), "malformed"},
		{"crit b64", rsaA.sign(ok, object{"crit": []string{"b64"}, "b64": false}), "malformed"},
		{"crit, empty", rsaA.sign(ok, object{"crit": []string{}}), "malformed"},

		{"payload of another token", parts[0] + "." + other[1] + "." + parts[2], "bad-signature"},
		{
			"header of another token",
			ecA.sign(ok, nil)[:strings.Index(ecA.sign(ok, nil), ".")] + "." + parts[1] + "." + parts[2], "bad-signature",
		},
		{"signature of another token", parts[0] + "." + parts[1] + "." + other[2], "bad-signature"},
		{
			"a bit of the signature", parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature),
			"bad-signature",
		},
		{"signature cut", good[:len(good)-4], "bad-signature"},
		{"no base64 in the signature", good + "!", "malformed"},
		{"padded", good + "==", "malformed"},
		{"two parts", parts[0] + "." + parts[1], "malformed"},
		{"four parts", good + "." + parts[2], "malformed"},
		{"five parts", good + ".a.b", "malformed"},
		{"encrypted", encrypted, "malformed"},
		{"dots", "..", "malformed"},
		{"nothing", "", "malformed"},
		{"garbage", "garbage", "malformed"},
		{"opaque", "ya29.a0AfH6SMBx-opaque", "malformed"},
		{
			"JSON form", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
			"malformed",
		},
		{"header no object", "W10." + parts[1] + "." + parts[2], "malformed"},
		{"claims no object", rsaA.signText(parts[0] + "." + part([]string{"iss"})), "malformed"},
		{"claims null", rsaA.signText(parts[0] + "." + part(nil)), "wrong-issuer"},
		{
			"a claim twice",
			rsaA.signText(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"x","iss":"`+i.name()+`"}`))),
			"malformed",
		},
		{"newline behind", good + "\n", "malformed"},
		{"newline within", parts[0] + ".\n" + parts[1] + "." + parts[2], "malformed"},
		{"space before", " " + good, "malformed"},
		{"as long as can be", padded(t, i, maxToken), ""},
		{"a byte too long", padded(t, i, maxToken) + "A", "malformed"},
		{"very long", strings.Repeat("A", 1<<20), "malformed"},
		{"many dots", strings.Repeat(".", maxToken), "malformed"},
	} {
		// A new verifier for each token, so that no earlier fetch uses up its limit.
		i.pass(fetchEvery)
		caller, err := verifier.Authenticate(t.Context(), c.token)
		if got := reason(t, err); got != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.what, got, err, c.want)
		}
		if want := (auth.Caller{Owner: imports.OwnerName("sub", i.name()+" alice"), Scope: auth.All}); c.want == "" &&
			caller != want {
			t.Errorf("%s: got %v, want %v", c.what, caller, want)
		}
		if c.want != "" && caller != (auth.Caller{}) {
			t.Errorf("%s: got %v beside an error", c.what, caller)
		}
		if err != nil && len(c.token) > 20 && strings.Contains(err.Error(), c.token[len(c.token)-20:]) {
			t.Errorf("%s: the token is repeated: %s", c.what, err)
		}
	}
}

// padded returns a valid token of this length.
func padded(t *testing.T, i *issuer, length int) string {
	t.Helper()
	unsigned := length - len(".") - base64.RawURLEncoding.EncodedLen(minRSA/8)
	for n := unsigned*3/4 - 500; ; n++ {
		// Base64 does not have every length; the header makes up for it.
		for _, filler := range []string{"", "f", "ff"} {
			claims := i.claims(object{"groups": strings.Repeat("g", n)})
			text := part(object{"alg": "RS256", "kid": rsaA.id, "filler": filler}) + "." + part(claims)
			if len(text) == unsigned {
				return rsaA.signText(text)
			}
			if len(text) > unsigned+10 {
				t.Fatalf("no token has %d bytes", length)
			}
		}
	}
}

// TestClock: the clocks may differ by leeway.
func TestClock(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t)
	token := rsaA.sign(
		i.claims(object{"nbf": moment.Add(10 * time.Minute).Unix(), "exp": moment.Add(20 * time.Minute).Unix()}),
		nil,
	)
	fraction := rsaA.sign(i.claims(object{"exp": 1_800_001_200.9}), nil)
	for _, c := range []struct {
		what  string
		after time.Duration
		token string
		want  string
	}{
		{"more than a minute early", 9*time.Minute - time.Nanosecond, token, "not-yet-valid"},
		{"a minute early", 9 * time.Minute, token, ""},
		{"in time", 15 * time.Minute, token, ""},
		{"expired for less than a minute", 21*time.Minute - time.Nanosecond, token, ""},
		{"expired for a minute", 21 * time.Minute, token, "expired"},
		{"a fraction of a second", 21*time.Minute - time.Nanosecond, fraction, ""},
		{"a fraction of a second, expired", 21 * time.Minute, fraction, "expired"},
	} {
		i.clock.Store(int64(c.after))
		if _, err := verifier.Authenticate(t.Context(), c.token); reason(t, err) != c.want {
			t.Errorf("%s: got %v, want %q", c.what, err, c.want)
		}
	}
}

func TestScopes(t *testing.T) {
	i := newIssuer(t, rsaA)
	verifier := i.discover(t)
	for _, c := range []struct {
		what   string
		claims object
		want   auth.Scope
	}{
		{"none", nil, auth.All},
		{"an empty one", object{"scope": ""}, auth.All},
		{"others' alone", object{"scope": "openid profile create read"}, auth.All},
		{"one", object{"scope": "import:create"}, auth.Create},
		{"one among others", object{"scope": "openid  import:read email"}, auth.Read},
		{"all", object{"scope": "import:delete import:read import:create"}, auth.All},
		{"one that is not known", object{"scope": "import:write"}, 0},
		{"one that is, one that is not", object{"scope": "import:write import:read"}, auth.Read},
		{"nearly one", object{"scope": "import:create,import:read"}, 0},
		{"scp as text", object{"scp": "import:create import:read"}, auth.Create | auth.Read},
		{"scp as list", object{"scp": []string{"import:create", "openid"}}, auth.Create},
		{"scope as list", object{"scope": []string{"import:delete"}}, auth.Delete},
		{"both", object{"scope": "openid", "scp": []string{"import:read"}}, auth.Read},
		{"null", object{"scope": "import:read", "scp": null}, auth.Read},
	} {
		caller, err := verifier.Authenticate(t.Context(), rsaA.sign(i.claims(c.claims), nil))
		if err != nil || caller.Scope != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.what, caller.Scope, err, c.want)
		}
	}
}

func TestOwners(t *testing.T) {
	i := newIssuer(t, rsaA)
	for _, c := range []struct {
		claim  string
		claims object
		want   string
		reason string
	}{
		{"", nil, imports.OwnerName("sub", i.name()+" alice"), ""},
		{"sub", nil, imports.OwnerName("sub", i.name()+" alice"), ""},
		{"email", object{"email": "a@example.com"}, imports.OwnerName("claim", i.name()+" email a@example.com"), ""},
		{
			"https://example.com/tenant", object{"https://example.com/tenant": "t1"},
			imports.OwnerName("claim", i.name()+" https://example.com/tenant t1"), "",
		},
		{"email", nil, "", "no-owner"},
		{"email", object{"email": ""}, "", "no-owner"},
		{"email", object{"email": []string{"a@example.com"}}, "", "no-owner"},
		{"number", object{"number": 7}, "", "no-owner"},
		{"null", object{"null": null}, "", "no-owner"},
	} {
		caller, err := i.discoverBy(t, c.claim).Authenticate(t.Context(), rsaA.sign(i.claims(c.claims), nil))
		if caller.Owner != c.want || reason(t, err) != c.reason {
			t.Errorf("%q of %v: got %q, %v; want %q, %q", c.claim, c.claims, caller.Owner, err, c.want, c.reason)
		}
	}
}

// TestOwnerEqualsGatewayOwner checks that a token has the same owner here and behind an API Gateway.
func TestOwnerEqualsGatewayOwner(t *testing.T) {
	i := newIssuer(t, rsaA)
	caller, err := i.discover(t).Authenticate(t.Context(), rsaA.sign(i.claims(nil), nil))
	if err != nil {
		t.Fatal(err)
	}
	if behind := ownerBehindGateway(t, object{"iss": i.name(), "sub": "alice"}); behind != caller.Owner {
		t.Errorf("got %q, want %q", caller.Owner, behind)
	}
}

// FuzzCaller: any other text than the token is rejected with a reason, without a panic.
func FuzzCaller(f *testing.F) {
	i := newIssuer(f, rsaA)
	verifier := i.discover(f)
	good := rsaA.sign(i.claims(nil), nil)
	for _, seed := range []string{
		good, good[:40], "", "..", "a.b.c", "e30.e30.", part(object{"alg": "none"}) + "." + part(i.claims(nil)) + ".",
		strings.ToUpper(good),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		caller, err := verifier.Authenticate(t.Context(), token)
		if (err == nil) != (token == good) && !sameBytes(token, good) {
			t.Fatalf("%q: got %v, %v", token, caller, err)
		}
		if err != nil && reason(t, err) == "" {
			t.Fatalf("%q: no reason: %v", token, err)
		}
	})
}

// sameBytes reports whether two tokens differ only in bits that base64 ignores.
func sameBytes(a, b string) bool {
	pa, pb := strings.Split(a, "."), strings.Split(b, ".")
	if len(pa) != len(pb) || len(pa) != 3 || pa[0] != pb[0] || pa[1] != pb[1] {
		return false
	}
	da, err := base64.RawURLEncoding.DecodeString(pa[2])
	db, _ := base64.RawURLEncoding.DecodeString(pb[2])
	return err == nil && bytes.Equal(da, db)
}
