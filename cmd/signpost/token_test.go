package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// startIssuer starts an OpenID Connect issuer, and returns a function that issues tokens for the audience signpost.
func startIssuer(t *testing.T) (url string, token func(subject string, life time.Duration) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, document := range map[string]any{
		"/.well-known/openid-configuration": map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"},
		"/keys": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one",
			Use: "sig"}}},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "one"}},
		nil)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, func(subject string, life time.Duration) string {
		signed, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: server.URL, Audience: jwt.Audience{"signpost"},
			Subject: subject, Expiry: jwt.NewNumericDate(time.Now().Add(life))}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
}

// TestUploadWithToken uploads with an access token, and reports an expired token.
func TestUploadWithToken(t *testing.T) {
	t.Parallel()
	issuer, token := startIssuer(t)
	p := startLocal(t, t.TempDir(), "SIGNPOST_OIDC_ISSUER="+issuer, "SIGNPOST_OIDC_AUDIENCE=signpost")
	dir := t.TempDir()
	file, held := filepath.Join(dir, "a.csv"), filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	upload := func(with string) (string, error) {
		if err := os.WriteFile(held, []byte(with+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(path, "upload", "--again", file)
		command.Env = append(cleanEnv(t), "SIGNPOST_URL="+p.api, "SIGNPOST_TOKEN_FILE="+held)
		said, err := command.CombinedOutput()
		return string(said), err
	}
	if said, err := upload(token("alice", time.Hour)); err != nil {
		t.Errorf("got %v %s, want an upload", err, said)
	}
	if said, err := upload(token("alice", -time.Hour)); err == nil || !strings.Contains(said, "expired") ||
		strings.Contains(said, "eyJ") {
		t.Errorf("with a token that has ended: got %v %s, want to be told", err, said)
	}
	if stored, err := filepath.Glob(filepath.Join(p.dir, "store", localBucket, "imports", "sub-*", "*")); err != nil ||
		len(stored) != 1 {
		t.Errorf("stored: got %q, %v, want one object of the token's subject", stored, err)
	}
}
