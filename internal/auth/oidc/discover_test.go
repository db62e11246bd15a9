package oidc

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestDiscover(t *testing.T) {
	const itself, keys = "/.well-known/openid-configuration", "/keys"
	for _, c := range []struct {
		what   string
		wrong  func(*issuer, *Settings)
		reason string // I is the issuer
	}{
		{
			"nothing listens", func(_ *issuer, s *Settings) { s.Issuer = "http://127.0.0.1:1" },
			"I" + itself + " cannot be fetched: dial tcp 127.0.0.1:1: connect: connection refused",
		},
		{
			"no address", func(_ *issuer, s *Settings) { s.Issuer = "http://exa mple" },
			`parse "http://exa mple": invalid character " " in host name`,
		},
		{"another path", func(_ *issuer, s *Settings) { s.Issuer += "s" }, "I" + itself + " returned 404 Not Found"},
		{"down", func(i *issuer, _ *Settings) { i.itselfBy(down) }, "I" + itself + " cannot be fetched: EOF"},
		{"slow", func(i *issuer, s *Settings) {
			i.itselfBy(slow)
			s.timeout = 50 * time.Millisecond
		},
			"I" + itself + " cannot be fetched: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
		{
			"a page", func(i *issuer, _ *Settings) { i.itselfBy(page) },
			"I" + itself + " does not return the JSON that OpenID Connect requires",
		},
		{
			"redirected", func(i *issuer, _ *Settings) { i.itselfBy(elsewhere) },
			"I" + itself + " cannot be fetched: it redirects to https://login.example/",
		},
		{
			"a slash too many", func(_ *issuer, s *Settings) { s.Issuer += "/" },
			`the issuer's document has the issuer "` + "T" + `", which must match exactly: set that value ` +
				`if it is the intended issuer`,
		},
		{"another name", func(i *issuer, _ *Settings) {
			i.itselfBy(answer(object{"issuer": "https://other", "jwks_uri": "x"}))
		},
			`the issuer's document has the issuer "https://other", which must match exactly: set that value ` +
				`if it is the intended issuer`},
		{
			"no keys named", func(i *issuer, _ *Settings) { i.itselfBy(answer(object{"issuer": i.name()})) },
			`its jwks_uri "" must be an https URL, or http if the issuer is http`,
		},
		{"keys in a file", func(i *issuer, _ *Settings) {
			i.itselfBy(answer(object{"issuer": i.name(), "jwks_uri": "file:///etc/passwd"}))
		}, `its jwks_uri "file:///etc/passwd" must be an https URL, or http if the issuer is http`},
		{"keys down", func(i *issuer, _ *Settings) { i.keysBy(down) }, "I" + keys + " cannot be fetched: EOF"},
		{
			"keys a page", func(i *issuer, _ *Settings) { i.keysBy(page) },
			"I" + keys + " does not return the JSON that OpenID Connect requires",
		},
		{
			"no keys", func(i *issuer, _ *Settings) { i.rotate() },
			"I" + keys + " has no key for RS256 or ES256, the supported algorithms of tokens",
		},
	} {
		i := newIssuer(t, rsaA)
		settings := i.settings()
		c.wrong(i, &settings)
		_, err := Discover(t.Context(), settings)
		want := strings.NewReplacer("I/", settings.Issuer+"/", `"T"`, fmt.Sprintf("%q", i.name())).Replace(c.reason)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got\n%v\nwant\n%s", c.what, err, want)
		}
	}
}

func page(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<!doctype html>")) }

func elsewhere(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://login.example/", http.StatusFound)
}

// TestDiscoverFollowsOwnRedirects: redirects to the same host are followed.
func TestDiscoverFollowsOwnRedirects(t *testing.T) {
	i := newIssuer(t, rsaA)
	document := answer(object{"issuer": i.name(), "jwks_uri": i.name() + "/keys"})
	i.itselfBy(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			http.Redirect(w, r, r.URL.Path+"?here", http.StatusFound)
			return
		}
		document(w, r)
	})
	checkReason(t, "a token", i.discover(t), rsaA.sign(i.claims(nil), nil), "")
}
