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
	"strings"
	"time"
	"unicode"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// remote is where the service is, and as whom it is asked.
type serviceFlags struct {
	Server     string `env:"SIGNPOST_URL" placeholder:"URL" help:"The service; http://127.0.0.1:8080, where signpost serve listens, when left out."`
	APIKey     string `name:"api-key" env:"SIGNPOST_API_KEY" placeholder:"KEY" help:"The service's API key. Other users of this machine see flags: the variable or a file keeps it to you."`
	APIKeyFile string `name:"api-key-file" env:"SIGNPOST_API_KEY_FILE" placeholder:"FILE" help:"A file that holds the API key alone."`
	TokenFile  string `env:"SIGNPOST_TOKEN_FILE" placeholder:"FILE" help:"A file that holds an access token alone. It is read for each call, so that the token can be renewed meanwhile."`
}

func (r serviceFlags) server() string {
	if r.Server == "" {
		return "http://127.0.0.1:8080"
	}
	return strings.TrimRight(r.Server, "/")
}

func (r serviceFlags) validate() error {
	u, err := url.Parse(r.server())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return errors.New("--server (or SIGNPOST_URL): must be a URL such as https://import.example.com/prod")
	}
	if strings.ContainsFunc(r.APIKey, unicode.IsControl) {
		return errors.New("--api-key (or SIGNPOST_API_KEY): must be one line")
	}
	given := 0
	for _, credential := range []string{r.APIKey, r.APIKeyFile, r.TokenFile} {
		if credential != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("more than one of --api-key, --api-key-file, --token-file and their variables is given: leave out the others")
	}
	return nil
}

// credential is nil where none is given.
func (r serviceFlags) credential() (engine.Credential, error) {
	switch {
	case r.TokenFile != "":
		bearer := func() (string, string, error) {
			token, err := readLine("--token-file", r.TokenFile)
			return "Authorization", "Bearer " + token, err
		}
		_, _, err := bearer()
		return bearer, err
	case r.APIKeyFile != "":
		key, err := readLine("--api-key-file", r.APIKeyFile)
		return apiKeyCredential(key), err
	case r.APIKey != "":
		return apiKeyCredential(r.APIKey), nil
	}
	return nil, nil
}

func apiKeyCredential(key string) engine.Credential {
	return func() (string, string, error) { return "X-Api-Key", key, nil }
}

// oneLine is what the file of a flag holds.
func readLine(flag, file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line := strings.TrimSpace(string(text))
	if line == "" || strings.ContainsFunc(line, unicode.IsControl) {
		return "", fmt.Errorf("%s: %s must hold one line, and nothing else", flag, file)
	}
	return line, nil
}

// api is the service.
func (r serviceFlags) newAPI(transport http.RoundTripper) (*engine.API, error) {
	if err := r.validate(); err != nil {
		return nil, usageError{err}
	}
	credential, err := r.credential()
	if err != nil {
		return nil, usageError{err}
	}
	return engine.NewAPI(r.server(), credential, transport)
}

// restarting is how long an upload waits for a service that nobody answers for, before it says that the address may be wrong.
const startupWait = 3 * time.Second

// reach fails where nobody answers for so long. What comes later is worth more patience; a wrong address is not.
func (r serviceFlags) waitReachable(ctx context.Context, patience time.Duration) error {
	for until := time.Now().Add(patience); ; {
		err := r.probe(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return asInterruption(ctx, fmt.Errorf("%s cannot be reached: %w\n  -> %s", r.server(), withoutAddress(err), connectionRemedy(err)))
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// connectionRemedy returns what to do when no connection to the service was made because of err.
func connectionRemedy(err error) string {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return "this port serves plain HTTP: begin the URL with http://, or check the port"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "install the authority of the certificate on this machine; on Linux, SSL_CERT_FILE can name its file instead"
	}
	return "name the service with --server or SIGNPOST_URL; signpost serve starts one here"
}

// knock returns nil when anything answers.
func (r serviceFlags) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, r.server(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// connect is api, once somebody listens.
func (r serviceFlags) connect(i *invocation) (*engine.API, error) {
	api, err := r.newAPI(http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	// A call may be repeated for minutes.
	api = api.OnRetry(func(err error) { fmt.Fprintf(i.stderr, "signpost: %v; retrying\n", err) })
	return api, r.waitReachable(i.ctx, 0)
}

// storeClient sends the signed requests. HTTP/1.1 gives each part a connection of its own, as S3 likes it; an upload has no end that
// could be foretold, so it is the uploader who watches that something moves.
func storeClient(concurrency int) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a Referer would hold the signature
	return &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       60 * time.Second,
		WriteBufferSize:       128 << 10,
		Protocols:             protocols,
	}}
}

// unaddressed is what failed, without a URL, whose query may be a credential.
func withoutAddress(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
