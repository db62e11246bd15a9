package webhook

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The prefixes by which keys are recognized (Standard Webhooks 1.0.0, section "Signature scheme").
const (
	secretPrefix  = "whsec_" // a symmetric secret: 24 to 64 bytes
	privatePrefix = "whsk_"  // an ed25519 private key: its seed, 32 bytes
	publicPrefix  = "whpk_"  // an ed25519 public key: 32 bytes
)

// minSecret and maxSecret limit symmetric secrets, in bytes. The specification gives both.
const minSecret, maxSecret = 24, 64

// derivedSize is the size of a derived secret or seed, in bytes.
const derivedSize = 32

// Errors about keys. They never contain the invalid text.
var (
	errSecret = errors.New("a secret is whsec_ and the base64 of 24 to 64 random bytes, " +
		"as signpost webhooks keygen prints it")
	errKey = errors.New("a key is whsec_ and the base64 of 24 to 64 random bytes, " +
		"or whsk_ and the base64 of the 32 bytes of an ed25519 seed; signpost webhooks keygen prints keys")
	errPublicKey = errors.New("whpk_ begins a public key, which cannot sign; the private key begins with whsk_")
)

// Key signs deliveries: it is a symmetric secret or an ed25519 private key. String and GoString do not reveal it.
type Key struct {
	material []byte // the secret, or the seed of the private key
	private  bool
}

// ParseKey parses whsec_… or whsk_….
func ParseKey(s string) (Key, error) {
	prefix := s[:strings.Index(s, "_")+1]
	material, ok := decode(s[len(prefix):])
	switch n := len(material); {
	case prefix == secretPrefix && ok && n >= minSecret && n <= maxSecret:
		return Key{material, false}, nil
	case prefix == privatePrefix && ok && n == ed25519.SeedSize:
		return Key{material, true}, nil
	case prefix == publicPrefix:
		return Key{}, errPublicKey
	}
	return Key{}, errKey
}

// ParseSecret returns the bytes of a symmetric secret.
func ParseSecret(s string) ([]byte, error) {
	key, err := ParseKey(s)
	if err != nil || key.private {
		return nil, errSecret
	}
	return key.material, nil
}

// NewSecret returns a new symmetric secret of 32 random bytes.
func NewSecret() string { return secretPrefix + encode(random()) }

// NewPrivateKey returns a new ed25519 private key.
func NewPrivateKey() string { return privatePrefix + encode(random()) }

func random() []byte {
	b := make([]byte, derivedSize)
	_, _ = rand.Read(b) // never fails
	return b
}

// decode decodes standard base64 without line breaks, so that each key has one spelling.
func decode(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// ForHost returns the key of one host, derived from k by HKDF-SHA256 (RFC 5869) without salt. The receiver at that host
// can neither sign for other hosts nor compute k, and a delivery to it is not valid elsewhere. Host is canonical (see
// CanonicalHost).
func (k Key) ForHost(host string) (Key, error) {
	derived, err := hkdf.Key(sha256.New, k.material, nil, "signpost webhook "+host, derivedSize)
	return Key{derived, k.private}, err
}

// Verifier returns what a receiver verifies with: the secret itself (whsec_…), or the public key (whpk_…).
func (k Key) Verifier() string {
	if k.private {
		return publicPrefix + encode(ed25519.NewKeyFromSeed(k.material).Public().(ed25519.PublicKey))
	}
	return secretPrefix + encode(k.material)
}

// sign returns a signature with its version identifier, v1 or v1a. The reference library signs with secrets; its
// releases for Go do not support ed25519.
func (k Key) sign(id string, at time.Time, body []byte) (string, error) {
	if k.private {
		signed := fmt.Appendf(nil, "%s.%d.%s", id, at.Unix(), body)
		return "v1a," + encode(ed25519.Sign(ed25519.NewKeyFromSeed(k.material), signed)), nil
	}
	signer, err := standardwebhooks.NewWebhookRaw(k.material)
	if err != nil {
		return "", err
	}
	return signer.Sign(id, at, body)
}

func (Key) String() string   { return "webhook.Key(…)" }
func (Key) GoString() string { return "webhook.Key(…)" }
