package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/signpost-s3/signpost/internal/config"
)

// measureAuth compares untracked imports of the service's handler with and without authentication.
func measureAuth(ctx context.Context, b *bench) error {
	keys, file, err := apiKeys(b.dir, "bench")
	if err != nil {
		return err
	}
	issuer, tokens, err := startIssuer()
	if err != nil {
		return err
	}
	defer issuer.Close()
	anonymous, err := bareCalls(ctx, config.Config{}, "", "")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what, header, value string
		config              config.Config
		most                float64
	}{
		{"API key, handler time", "X-Api-Key", keys[0], config.Config{APIKeysFile: file}, 3},
		{
			"token of RS256, its keys at hand", "Authorization", "Bearer " + tokens[jose.RS256],
			config.Config{OIDCIssuer: issuer.URL, OIDCAudience: "bench"}, 60,
		},
		{
			"token of ES256, its keys at hand", "Authorization", "Bearer " + tokens[jose.ES256],
			config.Config{OIDCIssuer: issuer.URL, OIDCAudience: "bench"}, 60,
		},
	} {
		known, err := bareCalls(ctx, c.config, c.header, c.value)
		if err != nil {
			return err
		}
		var us, them []float64
		for range pairs {
			ours, err := perCall(known, arithmeticSlice)
			if err != nil {
				return err
			}
			theirs, err := perCall(anonymous, arithmeticSlice)
			if err != nil {
				return err
			}
			us, them = append(us, ours/1e3), append(them, theirs/1e3)
		}
		compareAdded(c.what, "the same, without authentication", us, them, c.most, "µs")
	}
	return nil
}

// bareCalls returns untracked imports of a service with these settings.
func bareCalls(ctx context.Context, c config.Config, header, value string) (func() error, error) {
	server, err := inMemory(ctx, slog.New(slog.DiscardHandler), c)
	if err != nil {
		return nil, err
	}
	return func() error {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/import", http.NoBody)
		if header != "" {
			r.Header.Set(header, value)
		}
		w := &sink{header: http.Header{}}
		server.Handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			return fmt.Errorf("answered %d", w.status)
		}
		return nil
	}, nil
}

// startIssuer starts a local issuer, with a token of each algorithm.
func startIssuer() (*httptest.Server, map[jose.SignatureAlgorithm]string, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	answer := func(path string, document any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	answer("/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	answer(
		"/keys",
		jose.JSONWebKeySet{
			Keys: []jose.JSONWebKey{
				{Key: rsaKey.Public(), KeyID: "RS256", Use: "sig"},
				{Key: ecKey.Public(), KeyID: "ES256", Use: "sig"},
			},
		},
	)
	tokens := map[jose.SignatureAlgorithm]string{}
	for algorithm, key := range map[jose.SignatureAlgorithm]any{jose.RS256: rsaKey, jose.ES256: ecKey} {
		signer, err := jose.NewSigner(
			jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: string(algorithm)}},
			nil,
		)
		if err != nil {
			return nil, nil, err
		}
		claims := jwt.Claims{
			Issuer:   server.URL,
			Audience: jwt.Audience{"bench"},
			Subject:  "alice",
			Expiry:   jwt.NewNumericDate(time.Now().Add(time.Hour)),
		}
		if tokens[algorithm], err = jwt.Signed(signer).Claims(claims).Serialize(); err != nil {
			return nil, nil, err
		}
	}
	return server, tokens, nil
}
