package server

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/signpost-s3/signpost/internal/config"
)

// Limits on connections. Responses are small and fast: a connection that lasts longer has a slow or absent client.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 30 * time.Second
	answerTimeout  = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	// maxHeaderBytes is where net/http stops reading and answers in plain text. The API has a smaller limit.
	maxHeaderBytes = 32 << 10
)

// Listen opens the API's address, for as many connections at a time as c allows.
func Listen(c config.Config, log *slog.Logger) (net.Listener, error) {
	proxies, err := c.TrustedNetworks()
	if err != nil {
		return nil, err
	}
	listener, err := listenOn(c.Name(&c.Listen), c.Listen)
	if err != nil {
		return nil, err
	}
	warning := rate.Sometimes{Interval: time.Minute}
	perClient := &shares{
		perClient: c.ConnectionsPerClient(), exempt: proxies, held: map[string]int{},
		onRefused: func(client string) {
			warning.Do(func() {
				log.Warn("connections closed; the client has too many", "remote", client,
					"limit", c.ConnectionsPerClient(), "setting", c.Name(&c.MaxConnectionsPerClient))
			})
		},
	}
	return newLimitedListener(listener, c.MaxConnections, perClient), nil
}

// listenOn opens the address that a setting names.
func listenOn(variable, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, config.ListenError(variable, address, err)
	}
	return listener, nil
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// listen serves until the server is shut down.
func (s *Server) listen(server *http.Server, listener net.Listener) error {
	if s.tls == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = s.tls.config()
	return server.ServeTLS(tlsPort{listener}, "", "")
}
