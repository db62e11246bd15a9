package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// proxyBlocks returns the two configurations in this language in OPERATIONS.md: of a site, and of a path.
func proxyBlocks(t *testing.T, language string) (site, path string) {
	t.Helper()
	text, err := os.ReadFile("OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("got %d configurations of %s in OPERATIONS.md, want 2", len(blocks), language)
	}
	return blocks[0][1], blocks[1][1]
}

// startProxied starts a service with an API key that trusts the proxies of this machine.
func startProxied(t *testing.T) (p *process, key string) {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	key = strings.TrimSpace(signpost(t, "keygen", "alice", "--append", keys))
	return startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys, "SIGNPOST_TRUSTED_PROXIES=127.0.0.1"), key
}

// checkProxy checks that imports are created through the proxy at base, that Location has the path of the proxy, and
// that the log has the client's address, which is not that of the proxy.
func checkProxy(t *testing.T, p *process, key, base string) {
	t.Helper()
	const client = "127.0.0.2"
	curl := func(arguments ...string) string {
		t.Helper()
		common := []string{"-sSk", "--interface", client, "-H", "x-api-key: " + key, "-H", "Host: imports.example.com"}
		out, err := exec.Command("curl", append(append(common, arguments...), base+"/import")...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: got %s, %v", base, out, err)
		}
		return string(out)
	}
	id := strings.NewReplacer("/", "-", ":", "-").Replace(base)
	if out := curl("-X", "POST", "-H", "X-Request-Id: "+id); !strings.HasPrefix(out, `{"upload_url":`) {
		t.Errorf("%s: got %s, want an upload_url", base, out)
	}
	out := curl("-D", "-", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d", "{}")
	_, host, _ := strings.Cut(base, "://")
	_, path, _ := strings.Cut(host, "/")
	location := regexp.MustCompile(`(?i)\nlocation: (https?://[^/]+)?/` + path + `/?import/[0-9a-f-]+\r`)
	if !location.MatchString(out) {
		t.Errorf("%s: got %s, want the path of the import in Location", base, out)
	}
	logged := `"remote":"` + client + `","request_id":"` + id + `"`
	eventually(t, "log with the address of the client", func() any { return strings.Contains(p.stderr.String(), logged) },
		true)
}

// TestReadmeNginx runs the configurations of nginx in OPERATIONS.md.
func TestReadmeNginx(t *testing.T) {
	slowTest(t)
	needs(t, nginxPath(), "curl")
	site, path := proxyBlocks(t, "nginx")
	dir := nginxFolder(t)
	writeCertificate(t, dir, 1)
	p, key := startProxied(t)
	for _, c := range []struct{ scheme, encryption, path, server string }{
		{"https://", " ssl", "", site},
		{"http://", "", "/api", "server {\nlisten 443 ssl;\n" + path + "}"},
	} {
		address := freeAddress(t)
		startNginx(t, dir, address, strings.NewReplacer("listen 443 ssl;", "listen "+address+c.encryption+";",
			"/etc/ssl/imports.pem", dir+"/cert.pem", "/etc/ssl/imports.key", dir+"/key.pem",
			"http://127.0.0.1:8080", p.api).Replace(c.server))
		checkProxy(t, p, key, c.scheme+address+c.path)
	}
}

// TestReadmeCaddy runs the configurations of Caddy in OPERATIONS.md, without TLS: Caddy would request a certificate for
// the name of the site.
func TestReadmeCaddy(t *testing.T) {
	slowTest(t)
	needs(t, "caddy", "curl")
	site, path := proxyBlocks(t, "caddyfile")
	p, key := startProxied(t)
	for prefix, config := range map[string]string{"": site, "/api": "imports.example.com {\n" + path + "}"} {
		address := freeAddress(t)
		startCaddy(t, address, strings.ReplaceAll(config, "127.0.0.1:8080", strings.TrimPrefix(p.api, "http://")))
		checkProxy(t, p, key, "http://"+address+prefix)
	}
}

// startCaddy starts a Caddy of its own with the site imports.example.com at address, and waits until it accepts
// connections.
func startCaddy(t *testing.T, address, config string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const site = "imports.example.com {\n"
	if !strings.HasPrefix(config, site) {
		t.Fatalf("got %s, want a configuration of %s", config, site)
	}
	config = "{\nadmin off\n}\nhttp://imports.example.com:" + port + " {\nbind " + host + "\n" +
		strings.TrimPrefix(config, site)
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	program := exec.Command("caddy", "run", "--config", file, "--adapter", "caddyfile")
	awaitProxy(t, "Caddy", launch(t, program, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir), address)
}
