package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginxUID is the user of nginx if the test runs as root.
const nginxUID = 65534

// nginxPath returns nginx's path. It may be in a directory that is not in PATH.
func nginxPath() string {
	if path, err := exec.LookPath("/usr/sbin/nginx"); err == nil {
		return path
	}
	return "nginx"
}

// TestBehindNginx: a client that posts the file itself through nginx receives the service's response, not a 502.
func TestBehindNginx(t *testing.T) {
	slowTest(t)
	needs(t, nginxPath(), "curl", "python3")
	dir := nginxFolder(t)
	writeCertificate(t, dir, 1)
	certificate := []string{"SIGNPOST_TLS_CERT=" + filepath.Join(dir, "cert.pem"),
		"SIGNPOST_TLS_KEY=" + filepath.Join(dir, "key.pem")}
	plain, overTLS := startLocal(t, t.TempDir()), startLocal(t, t.TempDir(), certificate...)
	bases := map[string]string{
		"buffered":             nginx(t, dir, "http://", plain.api, "on"),
		"unbuffered":           nginx(t, dir, "http://", plain.api, "off"),
		"buffered over TLS":    nginx(t, dir, "https://", overTLS.api, "on"),
		"unbuffered over TLS":  nginx(t, dir, "https://", overTLS.api, "off"),
		"TLS before the proxy": nginx(t, dir, "https://", plain.api, "on"),
	}
	for _, size := range []int64{12e6, 60 << 20} {
		file := filepath.Join(dir, fmt.Sprint(size))
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, base := range bases {
			for client, program := range map[string][]string{
				"curl": {"curl", "-sSk", "-w", " %{http_code}", "--data-binary", "@" + file, base + "/import"},
				"curl without waiting": {"curl", "-sSk", "-w", " %{http_code}", "-H", "Expect:", "--data-binary", "@" + file,
					base + "/import"},
				"urllib": {"python3", "-c", urllib, base + "/import", file},
			} {
				if size > 12e6 && (client == "curl" || !strings.HasPrefix(name, "unbuffered")) {
					continue // curl waits for the response, and nginx's buffer hides the size from the service
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
				out, err := exec.CommandContext(ctx, program[0], program[1:]...).CombinedOutput()
				cancel()
				if said := string(out); err != nil || !strings.Contains(said, `"code":"body-too-large"`) ||
					!strings.HasSuffix(said, " 413") {
					t.Errorf("%s, %d bytes by %s: got %.300s, %v, want 413 body-too-large", name, size, client, said, err)
				}
			}
		}
	}
}

// urllib posts a file as Python's library does: whole, before it reads the response.
const urllib = `
import ssl, sys, urllib.request, urllib.error
try:
    urllib.request.urlopen(sys.argv[1], data=open(sys.argv[2], "rb").read(), context=ssl._create_unverified_context())
except urllib.error.HTTPError as e:
    print(e.read().decode(), e.code, end="")
`

// nginxFolder returns a directory that nginx can use, also if the test runs as root.
func nginxFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nginx-*")
	if err == nil && os.Getuid() == 0 {
		err = os.Chown(dir, nginxUID, nginxUID)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// nginx starts an nginx of its own in front of upstream, and returns its base URL once it accepts connections.
func nginx(t *testing.T, dir, scheme, upstream, buffering string) string {
	t.Helper()
	address, encryption := freeAddress(t), ""
	if scheme == "https://" {
		encryption = " ssl"
	}
	startNginx(t, dir, address, fmt.Sprintf(nginxServer, address+encryption, dir, dir, upstream, buffering))
	return scheme + address
}

// startNginx starts an nginx of its own with a server at address, and waits until it accepts connections.
func startNginx(t *testing.T, dir, address, server string) {
	t.Helper()
	own, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile(`\bDIR\b`).ReplaceAllString(nginxConfig, own)
	config = strings.Replace(config, "SERVER", server, 1)
	if err := os.WriteFile(filepath.Join(own, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(nginxPath(), "-p", own, "-c", filepath.Join(own, "nginx.conf"), "-e", "stderr")
	if os.Getuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nginxUID, Gid: nginxUID}}
		for _, path := range []string{own, filepath.Join(own, "nginx.conf"), filepath.Join(dir, "key.pem"),
			filepath.Join(dir, "cert.pem")} {
			if err := os.Chown(path, nginxUID, nginxUID); err != nil {
				t.Fatal(err)
			}
		}
	}
	awaitProxy(t, "nginx", launch(t, command), address)
}

// awaitProxy waits until a proxy accepts connections at address.
func awaitProxy(t *testing.T, name string, proxy *process, address string) {
	t.Helper()
	accepts := func() any {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err.Error() + ", " + name + " printed " + proxy.stderr.String()
		}
		conn.Close()
		return "connected"
	}
	eventually(t, name, accepts, "connected")
}

// nginxConfig needs a directory of its own and a server. nginx runs as one process, so that killing it leaves none.
const nginxConfig = `
daemon off;
master_process off;
pid DIR/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  SERVER
}
`

// nginxServer needs the address, the folder of the certificate twice, the upstream and whether request bodies are
// buffered.
const nginxServer = `server {
  client_max_body_size 0;
  listen %s;
  ssl_certificate %s/cert.pem;
  ssl_certificate_key %s/key.pem;
  location / {
    proxy_pass %s;
    proxy_request_buffering %s;
  }
}`
