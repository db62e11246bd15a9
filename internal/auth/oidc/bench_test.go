package oidc

import "testing"

// BenchmarkCaller measures the authentication of a token with cached keys.
func BenchmarkCaller(b *testing.B) {
	i := newIssuer(b, rsaA, ecA)
	verifier := i.discover(b)
	for _, s := range []signer{rsaA, ecA} {
		token := s.sign(
			i.claims(
				object{
					"jti":       "01890000-0000-7000-8000-000000000000",
					"client_id": "uploader",
					"scope":     "openid import:create import:read",
				},
			),
			nil,
		)
		b.Run(s.alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifier.Authenticate(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
