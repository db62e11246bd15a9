package imports

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

// TestFingerprint: requests that differ for the client have different fingerprints.
func TestFingerprint(t *testing.T) {
	one, two := int64(1), int64(2)
	seen := map[string]Request{}
	for _, r := range []Request{
		{}, {Filename: "a"}, {RelativePath: "a"}, {ContentType: "a"}, {Size: &one}, {Size: &two}, {Mode: Form},
		{ExpiresIn: time.Second}, {WriteOnce: true},
		{Checksum: &Checksum{Algorithm: "a", Value: "b"}}, {Checksum: &Checksum{Algorithm: "ab"}},
		{Metadata: map[string]string{"a": "b"}}, {Metadata: map[string]string{"a": "b", "c": "d"}},
		{Metadata: map[string]string{"a": "bcd"}},
	} {
		if other, taken := seen[r.fingerprint()]; taken {
			t.Errorf("fingerprint: %+v and %+v have the same", r, other)
		}
		seen[r.fingerprint()] = r
	}
	a := Request{Metadata: map[string]string{"a": "1", "b": "2", "c": "3"}}
	for range 20 {
		b := Request{Metadata: map[string]string{"c": "3", "b": "2", "a": "1"}}
		if a.fingerprint() != b.fingerprint() {
			t.Fatal("fingerprint: depends on the order of metadata")
		}
	}
}

// TestFingerprintIsStable: requests without the fields of later versions have the fingerprints of earlier versions.
func TestFingerprintIsStable(t *testing.T) {
	size := int64(5)
	r := Request{Filename: "a.csv", ContentType: "text/csv", Size: &size, WriteOnce: true,
		Metadata: map[string]string{"k": "v"}}
	const want = "bf2a993d4dce3518d51d7c81b706ca54755ca9999277ec63da296b4a87092d6d"
	if got := r.fingerprint(); got != want {
		t.Errorf("fingerprint: got %s, want %s", got, want)
	}
}

// TestIsNFC: the form NFC is accepted with and without the joiners that package norm adds to long runs of marks.
func TestIsNFC(t *testing.T) {
	marks := strings.Repeat("\u0316", 40)
	for text, want := range map[string]bool{
		"": true, "a b/100 %/😀.jpg": true, "\u00e9": true, "e\u0301": false, "\uac00": true, "\u1100\u1161": false,
		"\u212b": false, "b" + marks: true, "e\u0301" + marks: false, norm.NFC.String("b" + marks): true,
		norm.NFD.String("Ångström"): false, "a\u034fb": true,
	} {
		if got := isNFC(text); got != want {
			t.Errorf("isNFC(%+q): got %t, want %t", text, got, want)
		}
	}
}

// TestAllowsWebhook: a host is allowed with its port, by default 443, and with https only.
func TestAllowsWebhook(t *testing.T) {
	l := Limits{WebhookHosts: []string{"a.test", "b.test:80", "c.test:8443", "e.test:443", "[2001:db8::1]", "Bücher.test",
		"F.test.", "10.0.0.1", "127.0.0.1"}}
	for webhook, want := range map[string]bool{
		"https://a.test/x?y": true, "https://a.test:443/": true, "https://c.test:8443/": true, "https://b.test:80/": true,
		"https://e.test/": true, "https://e.test:443/": true, "https://[2001:db8::1]/": true,
		"https://A.Test/": true, "https://a.test./": true, "https://a.test:/": true, "https://[2001:DB8:0::1]/": true,
		"https://xn--bcher-kva.test/": true, "https://BÜCHER.test/": true, "https://f.test/": true,
		"http://a.test:443/": false, "http://c.test:8443/": false, "http://b.test/": false, "http://b.test:80/": false,
		"http://10.0.0.1/": false, "http://127.0.0.1/": false,
		"http://a.test/": false, "http://a.test:80/": false, "http://e.test/": false, "https://a.test:8443/": false,
		"https://b.test/": false, "https://c.test/": false,
		"https://u@a.test/": false, "https://a.test@d.test/": false, "https://a.test.d.test/": false,
		"ftp://a.test/": false, "//a.test/": false, "https://": false, "": false,
	} {
		if got := l.AllowsWebhook(webhook); got != want {
			t.Errorf("AllowsWebhook(%q): got %t, want %t", webhook, got, want)
		}
	}
}
