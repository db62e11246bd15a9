package server

import (
	"context"
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
	"github.com/signpost-s3/signpost/internal/sweep"
	"github.com/signpost-s3/signpost/internal/web"
)

// scrapers limits the connections in use of the metrics listener, by Prometheus and health checks.
const scrapers = 16

// discoveryTimeout bounds the first look at the issuer of tokens.
const discoveryTimeout = 15 * time.Second

// New puts the service together as c says, and looks whether all that c names is there.
func New(ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger, version string) (*Server, error) {
	s := &Server{Log: log, stopDelay: c.StopDelay}
	var store *bucket.Bucket
	counts := metrics.New(version, func() (left time.Duration, ends bool) {
		left, ends, err := store.CredentialsLeft(context.Background())
		return left, ends || err != nil
	})
	store, err := assembly.Open(ctx, c, settings, bucket.Hooks{OnCall: counts.ObserveStoreCall, OnSigned: counts.CountSignatures})
	if err != nil {
		return nil, err
	}
	if err := assembly.CheckSigning(ctx, c, store); err != nil {
		return nil, err
	}
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
	service := assembly.Service(c, store)
	if err := s.openEvents(ctx, c, service, settings, counts.CountDelivery); err != nil {
		return nil, err
	}
	options := httpapi.Options{
		Service: service, StoreEvents: httpapi.StoreEvents{Secret: string(c.StoreEventsSecret), OnObjectCreated: service.HandleObjectCreated}, Ready: store.Check, Stopping: s.stopping.Load,
		Authenticate: authenticate, RateLimit: c.RateLimit, TrustedProxies: proxies, CORSOrigins: c.CORSOrigins,
		LocalOnly: c.Local() && !c.AllowAnonymous && authenticate == nil,
		TLS:       s.tls != nil, RegisterDocuments: documents(c, store.Origin()), Log: log,
		Hooks: httpapi.Hooks{OnResponse: counts.ObserveRequest, OnStatus: func(s imports.Status) { counts.CountImport(string(s)) }},
	}
	s.Handler = httpapi.New(options)
	if c.MetricsListen != "" {
		s.scrape = metricsHandler(counts.Handler(), httpapi.Health(options))
		if s.metrics, err = listenOn("SIGNPOST_METRICS_LISTEN", c.MetricsListen); err != nil {
			return nil, err
		}
		s.metrics = netutil.LimitListener(s.metrics, scrapers)
	}
	return s, nil
}

// metricsHandler serves metrics and health checks. These are answered also while all connections of the API are in use.
func metricsHandler(metrics, health http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", metrics)
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	return mux
}

// documents are what is served besides the API. Pages upload to storeOrigin.
func documents(c config.Config, storeOrigin string) func(*echo.Echo) {
	return func(e *echo.Echo) {
		web.RegisterReference(e)
		if c.UI {
			web.RegisterUI(e, web.UI{StoreOrigin: storeOrigin, AsksKey: c.Authenticates() && !c.AllowAnonymous, Local: c.Local() && !c.AllowAnonymous, Downloads: c.Downloads})
		}
	}
}

// openEvents has the service tell what ends, and sweep.
func (s *Server) openEvents(ctx context.Context, c config.Config, service *imports.Service, settings aws.Config, told func(to, outcome string)) error {
	keys, err := assembly.OpenWebhookKeys(c, settings, s.Log)
	if err != nil {
		return err
	}
	if keys != nil {
		if _, err := keys.Current(ctx); err != nil {
			return err
		}
		s.followers = append(s.followers, keys.Follow)
	}
	box, err := assembly.NewOutbox(c, service, settings, keys, s.Log)
	if err != nil {
		return err
	}
	if box != nil {
		box.OnAttempt = told
		box.DeliverImmediately()
		s.followers = append(s.followers, box.Run)
	}
	sweeper := sweep.Sweeper{Bucket: service.Bucket, Imports: service, Outbox: box, Holder: uuid.NewString(), Now: service.Now, Log: s.Log}
	s.followers = append(s.followers, sweeper.Run)
	s.Notice, s.release = service.HandleObjectCreated, service.ReleaseWaiters
	return nil
}

// authenticator is nil where nobody is asked.
func (s *Server) authenticator(ctx context.Context, c config.Config) (auth.Authenticator, error) {
	if !c.Authenticates() {
		return nil, nil
	}
	var keys *auth.Keys
	var tokens auth.TokenAuthenticator
	var err error
	if c.APIKeysFile != "" {
		if keys, err = auth.OpenKeys(c.APIKeysFile); err != nil {
			return nil, err
		}
		s.followers = append(s.followers, func(ctx context.Context) { keys.Watch(ctx, s.Log) })
	}
	if c.OIDCIssuer != "" {
		ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
		defer cancel()
		issuer, err := oidc.Discover(ctx, oidc.Settings{Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, OwnerClaim: c.OIDCOwnerClaim})
		if err != nil {
			return nil, err
		}
		tokens = issuer.Authenticate
	}
	return auth.New(keys, tokens, c.AllowAnonymous), nil
}

func (s *Server) openTLS(c config.Config) (err error) {
	if c.TLSCert == "" {
		return nil
	}
	if s.tls, err = openCertificate(c.TLSCert, c.TLSKey); err != nil {
		return err
	}
	s.followers = append(s.followers, func(ctx context.Context) { s.tls.follow(ctx, s.Log) })
	return nil
}
