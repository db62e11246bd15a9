package oidc

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/auth"
)

// maxToken limits the size of a token, in bytes. Tokens have 1 to 2 kB, with many groups 4 kB.
const maxToken = 8 << 10

// token is the decoded header and payload of a JWT. They are not verified.
type token struct {
	header header
	claims claims
}

// header is a JOSE header (RFC 7515, section 4.1).
type header struct {
	Algorithm jose.SignatureAlgorithm `json:"alg"`
	Type      string                  `json:"typ"`
	KeyID     string                  `json:"kid"`
	Critical  jsontext.Value          `json:"crit"`
}

// types are the accepted typ values: RFC 9068, section 4, and those of older issuers. Others, such as logout+jwt, are
// not access tokens.
var types = []string{"", "JWT", "at+jwt", "application/at+jwt"}

// parseToken decodes a token without verifying it.
func parseToken(text string) (t token, err error) {
	parts := strings.Split(text, ".")
	switch {
	case len(text) > maxToken:
		return t, malformed("The token is longer than 8 KiB. Get one with fewer claims.")
	case len(parts) == 5:
		return t, malformed("The token is encrypted. Get one that is only signed.")
	case len(parts) != 3 || strings.Trim(text, tokenAlphabet) != "",
		decode(parts[0], &t.header) != nil, decode(parts[1], &t.claims) != nil:
		return t, malformed("The token is not a complete JWT. " +
			"Send it as it was issued; opaque tokens are not supported.")
	case !slices.Contains(algorithms, t.header.Algorithm):
		return t, auth.NewError("wrong-algorithm", "The token has another signature algorithm than RS256 and ES256. Get one with these.")
	case t.header.Critical != nil:
		return t, malformed("The token requires extensions (crit) that this service does not support. Get one without them.")
	case !slices.ContainsFunc(types, func(known string) bool { return strings.EqualFold(known, t.header.Type) }):
		return t, auth.NewError("wrong-type", "The token is not an access token. Get one whose typ is at+jwt or JWT, or absent.")
	}
	return t, nil
}

func malformed(detail string) error { return auth.NewError("malformed", detail) }

// tokenAlphabet is the alphabet of base64url and the dot. Go's decoder also accepts newlines.
const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

func decode(part string, v any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
