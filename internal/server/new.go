package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"golang.org/x/net/netutil"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/auth/oidc"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/metrics"
	"github.com/signpost-s3/signpost/internal/web"
)

// maxMetricsConnections limits the connections of the metrics listener, which Prometheus and health checks use.
const maxMetricsConnections = 16

// discoveryTimeout limits the requests for the configuration of the token issuer.
const discoveryTimeout = 15 * time.Second

// New builds the service that c describes, and checks that all that c names can be used.
func New(
	ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger, version string,
) (*Server, error) {
	counts := metrics.New(version)
	hooks := bucket.Hooks{OnCall: counts.ObserveStoreCall, OnSigned: counts.CountSignatures}
	store, err := assembly.OpenBucket(ctx, c, settings, hooks)
	if err != nil {
		return nil, err
	}
	if err := assembly.CheckSigning(ctx, c, store); err != nil {
		return nil, err
	}
	counts.ObserveCredentials(func() (left time.Duration, ends bool) {
		left, ends, err := store.CredentialsLeft(context.Background())
		return left, ends || err != nil
	})
	s := &Server{Log: log, stopDelay: c.StopDelay}
	authenticate, err := s.authenticator(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.openTLS(c); err != nil {
		return nil, err
	}
	proxies, err := c.TrustedNetworks()
	if err != nil {
		return nil, err
	}
	parts, err := assembly.New(c, settings, store, assembly.Options{
		Holder: uuid.NewString(), DeliverImmediately: true, OnAttempt: counts.CountDelivery, Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := s.runParts(ctx, parts); err != nil {
		return nil, err
	}
	options := httpapi.Options{
		Service: parts.Imports, Ready: store.Check, Stopping: s.stopping.Load,
		StoreEvents: httpapi.StoreEvents{
			Secret: string(c.StoreEventsSecret), OnObjectCreated: parts.Imports.HandleObjectCreated,
		},
		Authenticate: authenticate, RateLimit: c.RateLimit, TrustedProxies: proxies, CORSOrigins: c.CORSOrigins,
		LocalOnly: c.Local() && !c.AllowAnonymous && authenticate == nil,
		TLS:       s.tls != nil, RegisterDocuments: documents(c, store.Origin()), Log: log,
		Hooks: httpapi.Hooks{
			OnResponse: counts.ObserveRequest,
			OnStatus:   func(s imports.Status) { counts.CountImport(string(s)) },
		},
	}
	s.Handler = httpapi.New(options)
	if c.MetricsListen != "" {
		s.metricsHandler = newMetricsHandler(counts.Handler(), httpapi.Health(options))
		if s.metrics, err = listenOn(c.Name(&c.MetricsListen), c.MetricsListen); err != nil {
			return nil, err
		}
		s.metrics = netutil.LimitListener(s.metrics, maxMetricsConnections)
	}
	return s, nil
}

// newMetricsHandler returns a handler of metrics and health checks. It answers also while all connections of the API
// are in use.
func newMetricsHandler(metrics, health http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", metrics)
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	return mux
}

// documents registers the API reference and the web UI, which uploads to storeOrigin.
func documents(c config.Config, storeOrigin string) func(*echo.Echo) {
	return func(e *echo.Echo) {
		web.RegisterReference(e)
		if c.UI {
			web.RegisterUI(e, web.UI{
				StoreOrigin: storeOrigin, AsksKey: c.Authenticates() && !c.AllowAnonymous,
				Local: c.Local() && !c.AllowAnonymous, Downloads: c.Downloads,
			})
		}
	}
}

// runParts adds what runs in the background: deliveries and sweeps. It returns an error if there are no webhook keys.
func (s *Server) runParts(ctx context.Context, parts *assembly.Parts) error {
	if parts.Keys != nil {
		if _, err := parts.Keys.Current(ctx); err != nil {
			return err
		}
		s.background = append(s.background, parts.Keys.Watch)
	}
	if parts.Outbox != nil {
		s.background = append(s.background, parts.Outbox.Run)
	}
	s.background = append(s.background, parts.Sweeper.Run)
	s.HandleObjectCreated, s.releaseWaiters = parts.Imports.HandleObjectCreated, parts.Imports.ReleaseWaiters
	return nil
}

// authenticator returns nil if callers have no credentials.
func (s *Server) authenticator(ctx context.Context, c config.Config) (auth.Authenticator, error) {
	if !c.Authenticates() {
		return nil, nil
	}
	var keys *auth.Keys
	var tokens auth.TokenAuthenticator
	var err error
	if c.APIKeysFile != "" {
		if keys, err = auth.OpenKeys(c.APIKeysFile, c.Setting(&c.APIKeysFile)); err != nil {
			return nil, err
		}
		s.background = append(s.background, func(ctx context.Context) { keys.Watch(ctx, s.Log) })
	}
	if c.OIDCIssuer != "" {
		ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
		defer cancel()
		issuer, err := oidc.Discover(ctx, oidc.Settings{
			Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, OwnerClaim: c.OIDCOwnerClaim,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Setting(&c.OIDCIssuer), err)
		}
		tokens = issuer.Authenticate
	}
	return auth.New(keys, tokens, c.AllowAnonymous), nil
}

func (s *Server) openTLS(c config.Config) (err error) {
	if c.TLSCert == "" {
		return nil
	}
	if s.tls, err = openCertificate(c); err != nil {
		return err
	}
	s.background = append(s.background, func(ctx context.Context) { s.tls.watch(ctx, s.Log) })
	return nil
}
