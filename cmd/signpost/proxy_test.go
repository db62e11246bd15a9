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

// deployed returns the text of a file in deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// proxyPaths are the paths of the service below the hosts of nginx.conf and Caddyfile.
var proxyPaths = map[string]string{"imports.example.com": "", "www.example.com": "/api"}

// startProxied starts a service with an API key that trusts the proxies of this machine.
func startProxied(t *testing.T) (p *process, key string) {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	key = strings.TrimSpace(signpost(t, "keygen", "alice", "--append", keys))
	return startLocal(t, t.TempDir(), "SIGNPOST_API_KEYS_FILE="+keys, "SIGNPOST_TRUSTED_PROXIES=127.0.0.1"), key
}

// checkProxy checks that imports are created through the proxy at base for a host of proxyPaths, that Location has the
// path of the proxy, and that the log has the client's address, which is not that of the proxy.
func checkProxy(t *testing.T, p *process, key, base, host string) {
	t.Helper()
	const client = "127.0.0.2"
	path := proxyPaths[host] + "/import"
	curl := func(arguments ...string) string {
		t.Helper()
		common := []string{"-sSk", "--interface", client, "-H", "x-api-key: " + key, "-H", "Host: " + host}
		out, err := exec.Command("curl", append(append(common, arguments...), base+path)...).CombinedOutput()
		if err != nil {
			t.Errorf("%s%s: got %s, %v", host, path, out, err)
		}
		return string(out)
	}
	if out := curl("-X", "POST", "-H", "X-Request-Id: "+host); !strings.HasPrefix(out, `{"upload_url":`) {
		t.Errorf("%s%s: got %s, want an upload_url", host, path, out)
	}
	out := curl("-D", "-", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d", "{}")
	location := regexp.MustCompile(`(?i)\nlocation: (https?://[^/]+)?` + path + `/[0-9a-f-]+\r`)
	if !location.MatchString(out) {
		t.Errorf("%s%s: got %s, want the path of the import in Location", host, path, out)
	}
	logged := `"remote":"` + client + `","request_id":"` + host + `"`
	eventually(t, "log with the address of the client", func() any { return strings.Contains(p.stderr.String(), logged) },
		true)
}

// TestNginxConf runs deploy/nginx.conf.
func TestNginxConf(t *testing.T) {
	slowTest(t)
	needs(t, nginxPath(), "curl")
	dir, address := nginxFolder(t), freeAddress(t)
	writeCertificate(t, dir, 1)
	p, key := startProxied(t)
	startNginx(t, dir, address, strings.NewReplacer("listen 443 ssl;", "listen "+address+" ssl;",
		"/etc/ssl/imports.pem", dir+"/cert.pem", "/etc/ssl/imports.key", dir+"/key.pem",
		"/etc/ssl/www.pem", dir+"/cert.pem", "/etc/ssl/www.key", dir+"/key.pem",
		"http://127.0.0.1:8080", p.api).Replace(deployed(t, "nginx.conf")))
	for host := range proxyPaths {
		checkProxy(t, p, key, "https://"+address, host)
	}
}

// TestCaddyfile runs deploy/Caddyfile, without TLS: Caddy would request certificates for the names of the sites.
func TestCaddyfile(t *testing.T) {
	slowTest(t)
	needs(t, "caddy", "curl")
	p, key := startProxied(t)
	address := freeAddress(t)
	startCaddy(t, address, strings.ReplaceAll(deployed(t, "Caddyfile"), "127.0.0.1:8080", hostOf(t, p.api)))
	for host := range proxyPaths {
		checkProxy(t, p, key, "http://"+address, host)
	}
}

// startCaddy starts a Caddy of its own with the sites of config at address, and waits until it accepts connections.
func startCaddy(t *testing.T, address, config string) {
	t.Helper()
	listens, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	site := regexp.MustCompile(`(?m)^(\w+\.example\.com) \{`)
	config = "{\nadmin off\n}\n" + site.ReplaceAllString(config, "http://$1:"+port+" {\nbind "+listens)
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	program := exec.Command("caddy", "run", "--config", file, "--adapter", "caddyfile")
	awaitProxy(t, "Caddy", launch(t, program, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir), address)
}
