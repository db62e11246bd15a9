package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/auth/oidc"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/metrics"
	"github.com/signpost-s3/signpost/internal/tracing"
	"github.com/signpost-s3/signpost/internal/web"
)

// discoveryTimeout limits the requests for the configuration of the token issuer.
const discoveryTimeout = 15 * time.Second

// New builds the service that c describes, and checks that all that c names can be used.
func New(
	ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger, version string,
) (*Server, error) {
	counts := metrics.New(version)
	c.WarnURLTTL(log, settings)
	traces, err := startTraces(ctx, c, log, version)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, c, settings, counts, traces)
	if err != nil {
		return nil, err
	}
	parts, err := assembly.New(ctx, c, settings, store, assembly.Options{
		Holder: uuid.NewString(), DeliverImmediately: true, OnAttempt: counts.CountDelivery, Tracing: traces.Hooks(),
		Log: log,
	})
	if err != nil {
		return nil, err
	}
	if parts.Keys != nil {
		if _, err := parts.Keys.Current(ctx); err != nil { // a parameter is not read before
			return nil, err
		}
	}
	keys, err := openKeys(c)
	if err != nil {
		return nil, err
	}
	tokens, err := discoverIssuer(ctx, c)
	if err != nil {
		return nil, err
	}
	certificate, err := openCertificate(c)
	if err != nil {
		return nil, err
	}
	proxies, err := c.TrustedNetworks()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Log: log, HandleObjectCreated: parts.Imports.HandleObjectCreated, releaseWaiters: parts.Imports.Waiters.Release,
		tls: certificate, stopDelay: c.StopDelay, background: background(parts, keys, certificate, log), traces: traces,
	}
	options := httpapi.Options{
		Service: parts.Imports, Ready: store.Check, Stopping: s.stopping.Load,
		StoreEvents: httpapi.StoreEvents{
			Secret: string(c.StoreEventsSecret), OnObjectCreated: parts.Imports.HandleObjectCreated,
		},
		RateLimit: c.RateLimit, TrustedProxies: proxies, CORSOrigins: c.CORSOrigins,
		LocalOnly: c.Local() && !c.AllowAnonymous && !c.Authenticates(),
		TLS:       certificate != nil, RegisterDocuments: documents(c, store.Origin()), Log: log,
		Names: httpapi.Names{
			APIKeysFile: c.Name(&c.APIKeysFile), AllowAnonymous: c.Name(&c.AllowAnonymous), CORSOrigins: c.Name(&c.CORSOrigins),
		},
		Hooks: httpapi.Hooks{
			OnResponse: counts.ObserveRequest,
			OnStatus:   func(s imports.Status) { counts.CountImport(string(s)) },
		},
		Tracing: traces.Hooks().Requests,
	}
	if c.Authenticates() {
		options.Authenticate = auth.New(keys, tokens, c.AllowAnonymous)
	}
	s.Handler = httpapi.New(options)
	if c.MetricsListen != "" {
		listener, err := listenOn(c.Name(&c.MetricsListen), c.MetricsListen)
		if err != nil {
			return nil, err
		}
		s.background = append(s.background, func(ctx context.Context) {
			serveMetrics(ctx, listener, counts.Handler(), httpapi.Health(options), log)
		})
	}
	return s, nil
}

// openStore returns c's bucket, which can be reached, and whose signing credentials are valid.
func openStore(
	ctx context.Context, c config.Config, settings aws.Config, counts *metrics.Metrics, traces *tracing.Tracing,
) (*bucket.Bucket, error) {
	store, err := assembly.OpenBucket(ctx, c, settings, bucket.Hooks{
		OnCall: func(ctx context.Context, operation, outcome string, took time.Duration) {
			counts.ObserveStoreCall(operation, outcome, took)
			traces.RecordCall(ctx, operation, outcome, took)
		},
		OnSigned: counts.CountSignatures,
	})
	if err != nil {
		return nil, err
	}
	counts.ObserveCredentials(func() (left time.Duration, ends bool) {
		left, ends, err := store.CredentialsLeft(context.Background())
		return left, ends || err != nil
	})
	return store, assembly.CheckSigning(ctx, c, store)
}

// openKeys returns the API keys, or nil if c has none.
func openKeys(c config.Config) (*auth.Keys, error) {
	if c.APIKeysFile == "" {
		return nil, nil
	}
	return auth.OpenKeys(c.APIKeysFile, c.Setting(&c.APIKeysFile))
}

// discoverIssuer returns an authenticator of access tokens, or nil if c has no issuer.
func discoverIssuer(ctx context.Context, c config.Config) (auth.TokenAuthenticator, error) {
	if c.OIDCIssuer == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	issuer, err := oidc.Discover(ctx, oidc.Settings{
		Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, OwnerClaim: c.OIDCOwnerClaim,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Setting(&c.OIDCIssuer), err)
	}
	return issuer.Authenticate, nil
}

// background returns what runs while the service serves: deliveries, sweeps, and reading files again.
func background(
	parts *assembly.Parts, keys *auth.Keys, certificate *certificate, log *slog.Logger,
) []func(context.Context) {
	all := []func(context.Context){parts.Sweeper.Run}
	if parts.Outbox != nil {
		all = append(all, parts.Outbox.Run)
	}
	if parts.Keys != nil {
		all = append(all, parts.Keys.Watch)
	}
	if keys != nil {
		all = append(all, func(ctx context.Context) { keys.Watch(ctx, log) })
	}
	if certificate != nil {
		all = append(all, func(ctx context.Context) { certificate.watch(ctx, log) })
	}
	return all
}

// documents registers the API reference, the upload library, and the web UI, which uploads to storeOrigin.
func documents(c config.Config, storeOrigin string) func(*echo.Echo) {
	return func(e *echo.Echo) {
		web.RegisterReference(e, web.Reference{Keys: c.Authenticates(), UI: c.UI})
		web.RegisterClient(e, web.Client{CrossOrigin: len(c.CORSOrigins) > 0})
		if c.UI {
			web.RegisterUI(e, web.UI{
				StoreOrigin: storeOrigin, AsksKey: c.Authenticates() && !c.AllowAnonymous,
				Local: c.Local() && !c.AllowAnonymous, Downloads: c.AllowsDownloads(), LocalStore: c.LocalStore,
			})
		}
	}
}
