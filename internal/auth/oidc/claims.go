package oidc

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
)

// claims are the claims of a token (RFC 7519, section 4).
type claims map[string]jsontext.Value

// check checks issuer, audience and times.
func (i *Issuer) check(c claims) error {
	expires, hasExpiry := c.timeValue("exp")
	begins, hasBeginning := c.timeValue("nbf")
	audience, err := c.stringList("aud")
	switch now := i.now(); {
	case c.stringValue("iss") != i.Issuer:
		return auth.NewError("wrong-issuer", fmt.Sprintf("The token has another issuer (iss). Get one from %s.", i.Issuer))
	case err != nil || !slices.Contains(audience, i.Audience):
		return auth.NewError("wrong-audience",
			fmt.Sprintf("The token is for another service. Get one for the audience (aud) %s.", i.Audience))
	case !hasExpiry || !hasBeginning && c["nbf"] != nil, c["iat"] != nil && c["iat"].Kind() != jsontext.KindNumber:
		return malformed("The claims exp, nbf and iat of the token must be numbers of seconds since 1970. exp is required.")
	case !now.Before(expires.Add(leeway)):
		return auth.NewError("expired", "The token has expired. Get a new one.")
	case hasBeginning && now.Before(begins.Add(-leeway)):
		return auth.NewError("not-yet-valid", "The token is not valid yet (nbf). Wait, or check the clock of its issuer.")
	}
	return nil
}

// callerOf returns the caller of a verified token. A gateway in front of a Lambda function that reads the same token
// yields the same owner.
func (i *Issuer) callerOf(c claims) (auth.Caller, error) {
	value := c.stringValue(i.OwnerClaim)
	if value == "" {
		return auth.Caller{}, auth.NewError("no-owner",
			fmt.Sprintf("The token has no owner: its claim %s must be a string with at least one character.", i.OwnerClaim))
	}
	scope, err := c.scope()
	if err != nil {
		return auth.Caller{}, err
	}
	if i.OwnerClaim == "sub" {
		return auth.Caller{Owner: imports.OwnerName("sub", i.Issuer+" "+value), Scope: scope}, nil
	}
	return auth.Caller{Owner: imports.OwnerName("claim", i.Issuer+" "+i.OwnerClaim+" "+value), Scope: scope}, nil
}

// scope returns the scope in the claims scope (RFC 8693, section 4.2) and scp.
func (c claims) scope() (auth.Scope, error) {
	var words []string
	for _, claim := range []string{"scope", "scp"} {
		list, err := c.stringList(claim)
		if err != nil {
			return 0, malformed(fmt.Sprintf("The claim %s of the token must be a string or an array of strings.", claim))
		}
		words = append(words, list...)
	}
	return auth.TokenScope(words...), nil
}

// stringValue returns a claim, or "" if it is not a string.
func (c claims) stringValue(name string) (value string) {
	if json.Unmarshal(c[name], &value) != nil {
		return ""
	}
	return value
}

// stringList returns a claim that is a string or an array of strings. A missing claim has none.
func (c claims) stringList(name string) (list []string, err error) {
	switch c[name].Kind() {
	case jsontext.KindInvalid:
		return nil, nil
	case jsontext.KindString:
		return []string{c.stringValue(name)}, nil
	}
	err = json.Unmarshal(c[name], &list)
	return list, err
}

// maxSeconds is in the year 5138. Greater values are milliseconds, with which a token would never expire.
const maxSeconds = 1e11

// timeValue returns a claim that is a NumericDate: seconds since 1970 (RFC 7519, section 2).
func (c claims) timeValue(name string) (t time.Time, ok bool) {
	var seconds float64
	if c[name] == nil || json.Unmarshal(c[name], &seconds) != nil || seconds > maxSeconds {
		return t, false
	}
	return time.Unix(int64(seconds), 0), true
}
