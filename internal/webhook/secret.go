package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// secretPrefix is what a secret begins with, so that it is known for one wherever it turns up (Standard Webhooks 1.0.0, section
// "Signature scheme", from which its length is too).
const secretPrefix = "whsec_"

const minSecret, maxSecret = 24, 64 // bytes

// errSecret is what a secret looks like. It repeats nothing of what was given instead.
var errSecret = errors.New("a secret is whsec_ and the base64 of 24 to 64 random bytes, such as this makes: echo whsec_$(openssl rand -base64 32)")

// ParseSecret returns the bytes that a secret stands for. An error does not show them.
func ParseSecret(s string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || strings.ContainsAny(s, "\r\n") || len(key) < minSecret || len(key) > maxSecret {
		return nil, errSecret
	}
	return key, nil
}

// NewSecret makes one of 32 random bytes.
func NewSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// signers are the reference library's own, which takes a secret of any length, or none at all.
func signers(secrets []string) ([]*standardwebhooks.Webhook, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("there is no secret to sign with: %w", errSecret)
	}
	var all []*standardwebhooks.Webhook
	for n, secret := range secrets {
		key, err := ParseSecret(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", n+1, len(secrets), err)
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", n+1, len(secrets), err)
		}
		all = append(all, signer)
	}
	return all, nil
}
