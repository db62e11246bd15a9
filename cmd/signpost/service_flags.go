package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// serviceFlags are the flags of commands that call a service.
type serviceFlags struct {
	Server string `env:"SIGNPOST_URL" placeholder:"URL" help:"URL of the service (default http://127.0.0.1:8080)."`
	APIKey string `name:"api-key" env:"SIGNPOST_API_KEY" placeholder:"KEY" help:"API key. Prefer the variable or a file."`

	APIKeyFile string `name:"api-key-file" env:"SIGNPOST_API_KEY_FILE" placeholder:"FILE" help:"File with the API key."`
	TokenFile  string `env:"SIGNPOST_TOKEN_FILE" placeholder:"FILE" help:"File with an access token, which may be renewed."`
}

func (f serviceFlags) server() string {
	if f.Server == "" {
		return "http://127.0.0.1:8080"
	}
	return strings.TrimRight(f.Server, "/")
}

// bareHost matches a URL without its scheme. A user name or query, which may be a secret, does not match.
var bareHost = regexp.MustCompile(`^[\w.-]+(:\d+)?(/[\w./-]*)?$`)

func (f serviceFlags) validate() error {
	if bareHost.MatchString(f.Server) {
		return fmt.Errorf("--server (or SIGNPOST_URL): begin it with https:// or http://, such as http://%s", f.Server)
	}
	u, err := url.Parse(f.server())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return errors.New("--server (or SIGNPOST_URL): must be an http or https URL such as " +
			"https://import.example.com/prod, without user or query")
	}
	if strings.ContainsFunc(f.APIKey, unicode.IsControl) {
		return errors.New("--api-key (or SIGNPOST_API_KEY): must be one line")
	}
	given := 0
	for _, credential := range []string{f.APIKey, f.APIKeyFile, f.TokenFile} {
		if credential != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("use only one of --api-key, --api-key-file, --token-file and their variables")
	}
	return nil
}

// credential returns nil if no credential is set.
func (f serviceFlags) credential() (engine.Credential, error) {
	switch {
	case f.TokenFile != "":
		bearer := func() (string, string, error) {
			token, err := readLine("--token-file", f.TokenFile)
			return "Authorization", "Bearer " + token, err
		}
		_, _, err := bearer()
		return bearer, err
	case f.APIKeyFile != "":
		key, err := readLine("--api-key-file", f.APIKeyFile)
		return apiKeyCredential(key), err
	case f.APIKey != "":
		return apiKeyCredential(f.APIKey), nil
	}
	return nil, nil
}

func apiKeyCredential(key string) engine.Credential {
	return func() (string, string, error) { return "X-Api-Key", key, nil }
}

// readLine returns the content of a flag's file, which must be one line.
func readLine(flag, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line := strings.TrimSpace(string(text))
	if line == "" || strings.ContainsFunc(line, unicode.IsControl) {
		return "", fmt.Errorf("%s: %s must contain exactly one line", flag, file)
	}
	return line, nil
}

func (f serviceFlags) newAPI(transport http.RoundTripper) (*engine.API, error) {
	if err := f.validate(); err != nil {
		return nil, usageError{err}
	}
	credential, err := f.credential()
	if err != nil {
		return nil, usageError{err}
	}
	return engine.NewAPI(f.server(), credential, transport)
}

// startupWait is how long an upload waits for a service that is not reachable, for example because it restarts.
const startupWait = 3 * time.Second

// waitReachable returns an error if the service is not reachable within timeout, which reports a wrong address early.
// Later requests are retried longer.
func (f serviceFlags) waitReachable(ctx context.Context, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; {
		err := f.probe(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			err = fmt.Errorf("%s cannot be reached: %w\n  -> %s", f.server(), engine.Cause(err), connectionRemedy(err))
			return asInterruption(ctx, err)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// connectionRemedy returns what to do about a failed connection.
func connectionRemedy(err error) string {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return "this port serves plain HTTP: begin the URL with http://, or check the port"
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`): // a TLS alert
		return "this port requires TLS: begin the URL with https://, or check the port"
	case errors.As(err, new(x509.HostnameError)):
		return "use a host name of the certificate in --server or SIGNPOST_URL"
	case engine.IsProxyError(err):
		return "check HTTP_PROXY and HTTPS_PROXY, or add the host of the service to NO_PROXY"
	case errors.As(err, new(*net.DNSError)):
		return "check the host name in --server or SIGNPOST_URL, and the DNS of this machine"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "install the certificate authority on this machine; on Linux, SSL_CERT_FILE can name its file instead"
	}
	return "set --server or SIGNPOST_URL, or start a service here with signpost serve"
}

// probe returns nil if the service responds with any status.
func (f serviceFlags) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, f.server(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// connect returns the API of a reachable service.
func (f serviceFlags) connect(i *invocation) (*engine.API, error) {
	api, err := f.newAPI(http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	// Retries may last for minutes.
	api = api.OnRetry(func(err error) { fmt.Fprintf(i.stderr, "signpost: %v; retrying\n", err) })
	return api, f.waitReachable(i.ctx, 0)
}

// apiTransport returns a transport that keeps connections to the service for this many concurrent requests.
// http.DefaultTransport keeps two, and connects again for most requests.
func apiTransport(requests int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = requests
	return t
}

// storeClient returns a client for signed requests. HTTP/1.1 gives each part its own connection, as S3 recommends.
// There is no overall timeout, because the uploader cancels stalled requests.
func storeClient(concurrency int) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// A redirected request would carry the signature in its Referer header.
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{CheckRedirect: noRedirects, Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       60 * time.Second,
		WriteBufferSize:       64 << 10,
		Protocols:             protocols,
	}}
}
