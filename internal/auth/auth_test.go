package auth

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/imports"
)

// goodToken is the only valid token of these tests.
const goodToken = "header.claims.signature"

func tokens(_ context.Context, token string) (Caller, error) {
	switch token {
	case goodToken:
		return Caller{"sub-alice", Read}, nil
	case "later":
		return Caller{}, ErrUnavailable
	}
	return Caller{}, NewError("bad-signature", "It does not fit.")
}

// openKey returns a key with the scope create, and the Keys that contain it.
func openKey(t testing.TB) (string, *Keys) {
	t.Helper()
	key, line, err := NewKey("ci", Create)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := OpenKeys(write(t, filepath.Join(t.TempDir(), "keys"), line+"\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	return key, keys
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAuthenticate(t *testing.T) {
	key, keys := openKey(t)
	anonymous, ci, alice := Caller{imports.Public, All}, Caller{"key-ci", Create}, Caller{"sub-alice", Read}
	const keyAlone, tokenAlone, both, either = "key", "token", "both", "key or nothing"
	services := map[string]Authenticator{
		keyAlone:   New(keys, nil, false),
		tokenAlone: New(nil, tokens, false),
		both:       New(keys, tokens, false),
		either:     New(keys, nil, true),
	}
	for _, c := range []struct {
		service string
		headers string // separated by bars
		want    Caller
		reason  string
		detail  string // a part of it
	}{
		{keyAlone, "x-api-key: " + key, ci, "", ""},
		{keyAlone, "X-API-KEY: " + key, ci, "", ""},
		{both, "x-api-key: " + key, ci, "", ""},
		{either, "x-api-key: " + key, ci, "", ""},
		{tokenAlone, "Authorization: Bearer " + goodToken, alice, "", ""},
		{both, "Authorization: Bearer " + goodToken, alice, "", ""},
		{both, "authorization: bearer " + goodToken, alice, "", ""},
		{both, "authorization: BEARER   " + goodToken, alice, "", ""},

		{keyAlone, "", Caller{}, "none", "Send an API key, as x-api-key: KEY."},
		{tokenAlone, "", Caller{}, "none", "Send an access token, as Authorization: Bearer TOKEN"},
		{both, "", Caller{}, "none", "Send an API key, as x-api-key: KEY, or an access token"},
		{either, "", anonymous, "", ""},

		{keyAlone, "x-api-key: " + key + "x", Caller{}, "unknown-key", "a new one"},
		{keyAlone, "x-api-key: " + key[:len(key)-1], Caller{}, "unknown-key", ""},
		{keyAlone, "x-api-key: " + strings.ToLower(key), Caller{}, "unknown-key", ""},
		{keyAlone, "x-api-key: " + key + ", " + key, Caller{}, "unknown-key", ""},
		{keyAlone, "x-api-key: " + strings.Repeat("k", 10_000), Caller{}, "unknown-key", ""},
		{keyAlone, "x-api-key:", Caller{}, "malformed", "empty"},
		{either, "x-api-key: wrong", Caller{}, "unknown-key", ""},
		{either, "x-api-key:", Caller{}, "malformed", "empty"},
		{either, "Authorization: Bearer " + goodToken, Caller{}, "wrong-kind", "x-api-key"},

		{keyAlone, "Authorization: Bearer " + goodToken, Caller{}, "wrong-kind", "Send an API key"},
		{keyAlone, "Authorization: Bearer " + key, Caller{}, "wrong-kind", "Send an API key"},
		{tokenAlone, "x-api-key: " + key, Caller{}, "wrong-kind", "does not accept API keys. Send an access token"},
		{both, "Authorization: Basic eDp5", Caller{}, "wrong-scheme", "as Authorization: Bearer TOKEN"},
		{both, "Authorization: " + goodToken, Caller{}, "wrong-scheme", "as Authorization: Bearer TOKEN"},
		{both, "Authorization: Bearer\t" + goodToken, Caller{}, "wrong-scheme", ""},
		{both, "Authorization:", Caller{}, "wrong-scheme", ""},
		{both, "Authorization: Bearer", Caller{}, "malformed", ""},
		{both, "Authorization: Bearer ", Caller{}, "malformed", ""},
		{both, "Authorization: Bearer a b", Caller{}, "malformed", "one access token"},
		{both, "Authorization: Bearer Bearer " + goodToken, Caller{}, "malformed", ""},
		{both, "Authorization: Bearer " + goodToken + ", Bearer " + goodToken, Caller{}, "malformed", ""},
		{both, `Authorization: Bearer "` + goodToken + `"`, Caller{}, "malformed", ""},
		{both, "Authorization: Bearer wrong", Caller{}, "bad-signature", ""},

		{both, "x-api-key: " + key + "|x-api-key: " + key, Caller{}, "two-credentials", "more than one"},
		{both, "x-api-key: " + key + "|x-api-key:", Caller{}, "two-credentials", ""},
		{both, "x-api-key: " + key + "|Authorization: Bearer " + goodToken, Caller{}, "two-credentials", ""},
		{both, "Authorization: Bearer " + goodToken + "|Authorization: Bearer " + goodToken, Caller{}, "two-credentials", ""},
		{
			keyAlone, "x-api-key: " + key + "|Authorization: Basic eDp5", Caller{}, "two-credentials",
			"Send an API key, as x-api-key: KEY.",
		},
	} {
		request := httptest.NewRequest("GET", "/", nil)
		for header := range strings.SplitSeq(c.headers, "|") {
			if name, value, ok := strings.Cut(header, ":"); ok {
				request.Header.Add(name, strings.TrimPrefix(value, " "))
			}
		}
		what := c.service + ": " + c.headers
		got, err := services[c.service](request)
		if got != c.want {
			t.Errorf("%s: got %v, want %v", what, got, c.want)
		}
		if refusal := refusalOf(err); refusal.Reason != c.reason || !strings.Contains(refusal.Detail, c.detail) {
			t.Errorf("%s: got %+v, want reason %q and %q", what, refusal, c.reason, c.detail)
		}
		if err != nil && (strings.Contains(err.Error(), key) || strings.Contains(err.Error(), goodToken)) {
			t.Errorf("%s: repeats the credential: %s", what, err)
		}
	}
}

// TestChallenge checks that an error names the accepted schemes.
func TestChallenge(t *testing.T) {
	_, keys := openKey(t)
	for _, c := range []struct {
		service       Authenticator
		header, value string
		want          string
	}{
		{New(keys, nil, false), "", "", "ApiKey"},
		{New(keys, nil, false), "X-Api-Key", "wrong", "ApiKey"},
		{New(nil, tokens, false), "", "", "Bearer"},
		{New(nil, tokens, false), "Authorization", "Bearer wrong", `Bearer error="invalid_token"`},
		{New(keys, tokens, false), "", "", "Bearer, ApiKey"},
		{NewGateway(false), "", "", "ApiKey"},
	} {
		request := httptest.NewRequest("GET", "/", nil)
		if c.header != "" {
			request.Header.Set(c.header, c.value)
		}
		_, err := c.service(request)
		if got := refusalOf(err).Challenge; got != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.header, c.value, got, c.want)
		}
	}
}

// refusalOf returns err as an Error, or an empty one.
func refusalOf(err error) Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return *refusal
	}
	return Error{}
}

func TestUnavailableIssuer(t *testing.T) {
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Authorization", "Bearer later")
	if got, err := New(nil, tokens, true)(request); !errors.Is(err, ErrUnavailable) || got != (Caller{}) {
		t.Errorf("got %v, %v; want no caller, ErrUnavailable", got, err)
	}
}

func TestGateway(t *testing.T) {
	known := httptest.NewRequest("GET", "/", nil)
	known = known.WithContext(WithCaller(known.Context(), Caller{"iam-role", All}))
	unknown := httptest.NewRequest("GET", "/", nil)
	for _, anonymous := range []bool{false, true} {
		if got, err := NewGateway(anonymous)(known); err != nil || got != (Caller{"iam-role", All}) {
			t.Errorf("a known caller, anonymous %t: got %v, %v; want their own name", anonymous, got, err)
		}
	}
	if got, err := NewGateway(true)(unknown); err != nil || got != (Caller{imports.Public, All}) {
		t.Errorf("anonymous: got %v, %v; want anonymous", got, err)
	}
	if got, err := NewGateway(false)(unknown); refusalOf(err).Reason != "none" || got != (Caller{}) {
		t.Errorf("an unknown caller: got %v, %v; want a refusal", got, err)
	}
}

// FuzzBearer checks that an accepted header ends in exactly one token, for any case of the scheme.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{
		"Bearer a.b.c", "bearer  x", "Bearer", "Bearer ", "Basic eDp5", "a.b.c", "Bearer a b", "Bearer a,b", "Bearer a\tb",
		"Bearer é", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authorization string) {
		token, err := parseBearer(authorization)
		if err != nil {
			if token != "" || refusalOf(err).Reason == "" {
				t.Fatalf("%q: got %q, %v; want a refusal alone", authorization, token, err)
			}
			return
		}
		scheme := authorization[:len("Bearer ")]
		if !strings.EqualFold(scheme, "Bearer ") || token == "" || strings.ContainsAny(token, " ,\t\r\n\"") ||
			strings.TrimLeft(authorization[len(scheme):], " ") != token {
			t.Fatalf("%q: got token %q", authorization, token)
		}
		if again, err := parseBearer(strings.ToUpper(scheme) + token); again != token || err != nil {
			t.Fatalf("%q: got %q, %v; want %q", strings.ToUpper(scheme)+token, again, err, token)
		}
	})
}
