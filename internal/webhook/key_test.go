package webhook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// privateA is an ed25519 private key for tests.
const privateA = "whsk_V0VCSE9PS0FTWU1NRVRSSUNURVNUUFJJVkFURUtFWTE="

func TestParseKey(t *testing.T) {
	for _, c := range []struct {
		what, key string
		want      error
	}{
		{"24 bytes", "whsec_" + strings.Repeat("AAAA", 8), nil},
		{"23 bytes", "whsec_" + strings.Repeat("AAAA", 7) + "AAA=", errKey},
		{"64 bytes", "whsec_" + strings.Repeat("AAAA", 21) + "AA==", nil},
		{"65 bytes", "whsec_" + strings.Repeat("AAAA", 21) + "AAA=", errKey},
		{"a new secret", NewSecret(), nil},
		{"a new private key", NewPrivateKey(), nil},
		{"a seed of 31 bytes", "whsk_" + strings.Repeat("AAAA", 10) + "AA==", errKey},
		{"a seed of 64 bytes", "whsk_" + strings.Repeat("AAAA", 21) + "AA==", errKey},
		{"a public key", "whpk_" + strings.Repeat("AAAA", 10) + "AAA=", errPublicKey},
		{"nothing", "", errKey},
		{"the prefix alone", "whsec_", errKey},
		{"no prefix", strings.Repeat("AAAA", 8), errKey},
		{"no base64", "whsec_" + strings.Repeat("A-A_", 8), errKey},
		{"no padding", "whsec_" + strings.Repeat("AAAA", 10) + "AA", errKey},
		{"bits beyond the end", "whsec_" + strings.Repeat("AAAA", 10) + "AB==", errKey},
		{"a line break", "whsec_" + strings.Repeat("AAAA", 8) + "\n", errKey},
	} {
		_, err := ParseKey(c.key)
		if err != c.want {
			t.Errorf("ParseKey of %s: got %v, want %v", c.what, err, c.want)
		}
		_, err = ParseSecret(c.key)
		if secret := c.want == nil && strings.HasPrefix(c.key, "whsec_"); (err == nil) != secret {
			t.Errorf("ParseSecret of %s: got %v, want success: %t", c.what, err, secret)
		}
	}
	for _, generate := range []func() string{NewSecret, NewPrivateKey} {
		if first, second := generate(), generate(); first == second {
			t.Error("got the same new key twice")
		}
	}
}

func TestParseKeys(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // the error, "" for none
	}{
		{secretA, ""},
		{"# the new one\n" + secretB + "\n\n " + privateA + " # the old one\r\n", ""},
		{secretA + "," + secretB, ""},
		{"hooks.test:8443=" + secretA, ""},
		{"", "there is no key to sign with: a key is "},
		{"# nothing\n,", "there is no key to sign with: a key is "},
		{secretA + "\nwhsec_hidden", "key 2: a key is "},
		{secretA + " " + secretB, "key 1: a key is "},
		{"hooks.test=whsec_hidden", "key 1: a key is "},
		{"hooks.test/path=" + secretA, "key 1: a host is "},
		{"=" + secretA, "key 1: a host is "},
		{"hidden=" + "nothing", "key 1: a key is "},
	} {
		_, err := ParseKeys(c.text)
		if (err == nil) != (c.want == "") ||
			err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("ParseKeys(%q): got %v, want %q and nothing of the text", c.text, err, c.want)
		}
	}
}

// verifiers returns the texts with which receivers verify.
func verifiers(keys []Key) (all []string) {
	for _, key := range keys {
		all = append(all, key.Verifier())
	}
	return all
}

// TestKeysForHost: a host has its own keys or keys derived from each common key. The derivation must not change,
// because receivers store its results.
func TestKeysForHost(t *testing.T) {
	keys, err := ParseKeys(secretB + "," + privateA + ",Own.test.=" + secretC + ",own.test:443=" + secretA)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host string
		want []string
	}{
		{"own.test:443", []string{secretC, secretA}},
		// python3: HKDF(SHA256(), 32, None, b"signpost webhook hooks.test:443") of the package cryptography
		{"hooks.test:443", []string{"whsec_LEOBPfIaZGut8BTyOnpXnrdCnreM8Gs2O9FrfimIEAs=",
			"whpk_dyplndXQPtP4bDX08CtJ9aOa3t4kqk9MscUg8Tb1cLo="}},
	} {
		got, err := keys.ForHost(c.host)
		if err != nil || fmt.Sprint(verifiers(got)) != fmt.Sprint(c.want) {
			t.Errorf("ForHost(%s): got %v, %v, want %v", c.host, verifiers(got), err, c.want)
		}
	}
	seen := map[string]string{secretB: "the common keys"}
	for _, host := range []string{"hooks.test:443", "hooks.test:8443", "hooks.tes:443", "other.test:443"} {
		got, err := keys.ForHost(host)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verifiers(got) {
			if seen[v] != "" {
				t.Errorf("ForHost(%s): got a key that %s has too", host, seen[v])
			}
			seen[v] = host
		}
	}
	only, err := ParseKeys("own.test=" + secretA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only.ForHost("other.test:443"); err == nil {
		t.Error("ForHost without a common key: got no error")
	}
	if _, err := only.Common(); err == nil {
		t.Error("Common without a common key: got no error")
	}
}

// TestSignatureForOneHost: a receiver with the key of its host cannot sign for other hosts, and rejects deliveries that
// were signed for other hosts.
func TestSignatureForOneHost(t *testing.T) {
	keys, err := ParseKeys(secretA + "," + privateA)
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Now(), []byte("{}")
	signed := map[string]map[string][]string{}
	for _, host := range []string{"a.test:443", "b.test:443"} {
		header := map[string][]string{}
		forHost, err := keys.ForHost(host)
		if err != nil {
			t.Fatal(err)
		}
		if err := sign(header, forHost, "id", now, body); err != nil {
			t.Fatal(err)
		}
		signed[host] = header
	}
	for _, holder := range []string{"a.test:443", "b.test:443"} {
		forHost, err := keys.ForHost(holder)
		if err != nil {
			t.Fatal(err)
		}
		symmetric, err := standardwebhooks.NewWebhook(forHost[0].Verifier())
		if err != nil {
			t.Fatal(err)
		}
		public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(forHost[1].Verifier(), "whpk_"))
		if err != nil {
			t.Fatal(err)
		}
		for host, header := range signed {
			want := holder == host
			if got := symmetric.Verify(body, header) == nil; got != want {
				t.Errorf("secret of %s, signature for %s: got accepted %t, want %t", holder, host, got, want)
			}
			signature := strings.TrimPrefix(strings.Fields(header["Webhook-Signature"][0])[1], "v1a,")
			raw, err := base64.StdEncoding.DecodeString(signature)
			if err != nil {
				t.Fatal(err)
			}
			if got := ed25519.Verify(public, fmt.Appendf(nil, "id.%d.{}", now.Unix()), raw); got != want {
				t.Errorf("public key of %s, signature for %s: got accepted %t, want %t", holder, host, got, want)
			}
		}
	}
}

// TestKeysAreNotShown: no format of a key reveals it.
func TestKeysAreNotShown(t *testing.T) {
	keys, err := ParseKeys(secretB + "," + privateA + ",own.test=" + secretB)
	if err != nil {
		t.Fatal(err)
	}
	common, err := keys.Common()
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	log := slog.New(slog.NewTextHandler(&shown, nil))
	log.Info("keys", "keys", keys, "key", common[0])
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("keys", "keys", keys, "key", common[0])
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		fmt.Fprintf(&shown, verb+verb+verb, keys, common, common[1])
	}
	if err := json.NewEncoder(&shown).Encode([]any{keys, common}); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{secretB, privateA} {
		_, encoded, _ := strings.Cut(secret, "_")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{encoded, fmt.Sprintf("%x", raw), fmt.Sprint(raw)[1:20], string(raw)} {
			if strings.Contains(shown.String(), form) {
				t.Errorf("%q is shown in %s", form, shown.String())
			}
		}
	}
}
