package auth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/signpost-s3/signpost/internal/imports"
)

// desk is where credentials are looked at.
type authenticator struct {
	keys      *Keys
	tokens    TokenAuthenticator
	anonymous bool
}

func (d authenticator) authenticate(r *http.Request) (Caller, error) {
	caller, err := d.checkCredentials(r)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		refusal.Challenge = d.challenge(r)
	}
	return caller, err
}

func (d authenticator) checkCredentials(r *http.Request) (Caller, error) {
	keys, authorizations := r.Header["X-Api-Key"], r.Header["Authorization"]
	switch len(keys) + len(authorizations) {
	case 0:
		return d.anonymousCaller(d.acceptedCredentials())
	case 1:
		if len(keys) == 1 {
			return d.authenticateKey(keys[0])
		}
		return d.authenticateToken(r, authorizations[0])
	}
	return Caller{}, &Refusal{Reason: "two-credentials", Detail: "There is more than one credential. " + d.acceptedCredentials()}
}

// nobody is who presents no credential; wanted says what they should do where that is not enough.
func (d authenticator) anonymousCaller(wanted string) (Caller, error) {
	if d.anonymous {
		return Caller{imports.Public, All}, nil
	}
	return Caller{}, &Refusal{Reason: "none", Detail: wanted, Challenge: "ApiKey"}
}

func (d authenticator) authenticateKey(key string) (Caller, error) {
	switch {
	case d.keys == nil:
		return Caller{}, &Refusal{Reason: "wrong-kind", Detail: "This service takes no API keys. " + d.acceptedCredentials()}
	case key == "":
		return Caller{}, &Refusal{Reason: "malformed", Detail: "The header x-api-key is empty. " + d.acceptedCredentials()}
	}
	caller, ok := d.keys.Authenticate(key)
	if !ok {
		return Caller{}, &Refusal{Reason: "unknown-key", Detail: "This API key opens nothing here, or no longer. Look whether it is whole; otherwise ask whoever runs the service for a new one."}
	}
	return caller, nil
}

func (d authenticator) authenticateToken(r *http.Request, authorization string) (Caller, error) {
	if d.tokens == nil {
		return Caller{}, &Refusal{Reason: "wrong-kind", Detail: "This service does not take the header Authorization. " + d.acceptedCredentials()}
	}
	token, err := parseBearer(authorization)
	if err != nil {
		return Caller{}, err
	}
	return d.tokens(r.Context(), token)
}

// challenge names the schemes. That of tokens tells whether there was one (RFC 6750, section 3); that of keys is no registered one.
func (d authenticator) challenge(r *http.Request) string {
	bearer := "Bearer"
	if len(r.Header["Authorization"]) > 0 {
		bearer = `Bearer error="invalid_token"`
	}
	switch {
	case d.tokens == nil:
		return "ApiKey"
	case d.keys == nil:
		return bearer
	}
	return bearer + ", ApiKey"
}

// wanted says what the service takes.
func (d authenticator) acceptedCredentials() string {
	switch {
	case d.tokens == nil:
		return "Send an API key in the header x-api-key."
	case d.keys == nil:
		return "Send an access token in the header Authorization, after the word Bearer."
	}
	return "Send an API key in the header x-api-key, or an access token in the header Authorization, after the word Bearer."
}

// bearer is the token that authorization holds (RFC 6750, section 2.1). The scheme may be written in any case (RFC 9110, section
// 11.1). What stands in its place is not repeated to anybody: it may be a token without its scheme.
func parseBearer(authorization string) (token string, err error) {
	scheme, rest, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", &Refusal{Reason: "wrong-scheme", Detail: "The header Authorization must be the word Bearer, a space and an access token."}
	}
	token = strings.TrimLeft(rest, " ")
	if token == "" || strings.Trim(token, token68) != "" {
		return "", &Refusal{Reason: "malformed", Detail: "After the word Bearer there must be one access token, and nothing else."}
	}
	return token, nil
}

// token68 are the characters of a token (RFC 9110, section 11.2).
const token68 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
