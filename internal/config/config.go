// Package config reads and validates all settings: those of the service as a process and as a Lambda function, and the
// configuration of the AWS SDK. Only this package and the commands name environment variables.
//
// Of this module, it imports only packages that import no others, for their parsers: config accepts exactly the URLs,
// hosts and keys that the packages which use them accept.
package config

import (
	"cmp"
	"net"
	"path/filepath"
	"time"

	"github.com/signpost-s3/signpost/internal/hostport"
)

// Config holds every setting. Each is an environment variable and a flag of serve; the tags are the documentation.
// Credentials, region and endpoint are not here: they come from the AWS SDK's standard chain.
type Config struct {
	Listen         string        `env:"SIGNPOST_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" group:"Service and store:" help:"Address of the API (default ${default})."`
	Bucket         string        `env:"SIGNPOST_BUCKET" placeholder:"NAME" group:"Service and store:" help:"Name of the bucket (default: start and use a local store)."`
	DataDir        string        `env:"SIGNPOST_DATA_DIR" default:"./data" placeholder:"FOLDER" group:"Service and store:" help:"Folder of the local store (default ${default})."`
	LocalListen    string        `env:"SIGNPOST_LOCAL_LISTEN" default:"127.0.0.1:9000" placeholder:"HOST:PORT" group:"Service and store:" help:"Address of the local store, on loopback (default ${default})."`
	PublicEndpoint string        `env:"SIGNPOST_PUBLIC_ENDPOINT" placeholder:"URL" group:"Service and store:" help:"URL of the store for clients, if the service uses another one (default: the AWS SDK's)."`
	PathStyle      bool          `env:"SIGNPOST_PATH_STYLE" group:"Service and store:" help:"Sign path-style URLs (http://store/bucket/key), as many S3-compatible stores need."`
	URLTTL         time.Duration `name:"url-ttl" env:"SIGNPOST_URL_TTL" default:"1h" placeholder:"DURATION" group:"Imports:" help:"Lifetime of signed URLs, and the longest that callers may request, from 1s to 168h (default ${default})."`
	JobTTL         time.Duration `name:"job-ttl" env:"SIGNPOST_JOB_TTL" default:"168h" placeholder:"DURATION" group:"Imports:" help:"Time in which a multipart upload can be resumed, from 1m to 8760h (default ${default})."`
	MaxSize        int64         `env:"SIGNPOST_MAX_SIZE" placeholder:"BYTES" group:"Imports:" help:"Largest import in bytes. When set, imports must declare their size, and untracked imports are rejected (default: the limit of S3)."`
	CORSOrigins    []string      `name:"cors-origins" env:"SIGNPOST_CORS_ORIGINS" placeholder:"ORIGIN" group:"Browsers:" help:"Origins whose pages may call the API and upload to the local store, exactly as browsers send them, such as https://app.example.com (default: none)."`
	Downloads      *bool         `env:"SIGNPOST_DOWNLOADS" group:"Imports:" help:"Return a signed download URL to every reader of a completed import (default: true with the local store only)."`
	UI             bool          `name:"ui" env:"SIGNPOST_UI" default:"true" group:"Browsers:" help:"Serve the web UI at / (default true; --ui=false turns it off)."`
	ContentTypes   []string      `name:"content-types" env:"SIGNPOST_CONTENT_TYPES" placeholder:"TYPE" group:"Imports:" help:"Media types that may be imported, such as text/csv or image/*. When set, imports must declare theirs, and untracked imports are rejected (default: any)."`
	WriteOnce      bool          `env:"SIGNPOST_WRITE_ONCE" group:"Imports:" help:"Require If-None-Match: * for tracked single uploads, so that a second upload to the same URL is rejected."`
	MaxOpenUploads int           `env:"SIGNPOST_MAX_OPEN_UPLOADS" placeholder:"COUNT" group:"Imports:" help:"Multipart uploads that a caller may have in progress, up to 1000 (default: any number)."`
	RateLimit      int           `env:"SIGNPOST_RATE_LIMIT" placeholder:"COUNT" group:"Callers and TLS:" help:"Requests per second of each caller; bursts may be twice as large (default: no limit)."`

	AllowAnonymous bool     `env:"SIGNPOST_ALLOW_ANONYMOUS" group:"Callers and TLS:" help:"Serve anonymous callers, also beyond loopback."`
	APIKeysFile    string   `name:"api-keys-file" env:"SIGNPOST_API_KEYS_FILE" placeholder:"FILE" group:"Callers and TLS:" help:"File of API keys: lines that signpost keygen prints. Reloaded when it changes."`
	OIDCIssuer     string   `name:"oidc-issuer" env:"SIGNPOST_OIDC_ISSUER" placeholder:"URL" group:"Callers and TLS:" help:"Issuer of the access tokens (JWT, RS256 or ES256) that identify callers."`
	OIDCAudience   string   `name:"oidc-audience" env:"SIGNPOST_OIDC_AUDIENCE" placeholder:"NAME" group:"Callers and TLS:" help:"Audience (aud) that access tokens must have."`
	OIDCOwnerClaim string   `name:"oidc-owner-claim" env:"SIGNPOST_OIDC_OWNER_CLAIM" default:"sub" placeholder:"CLAIM" group:"Callers and TLS:" help:"Claim of access tokens that contains the owner of imports (default ${default})."`
	TrustedProxies []string `env:"SIGNPOST_TRUSTED_PROXIES" placeholder:"CIDR" group:"Callers and TLS:" help:"Networks of proxies whose X-Forwarded-For is used, such as 10.0.0.0/8 (default: none)."`
	TLSCert        string   `name:"tls-cert" env:"SIGNPOST_TLS_CERT" placeholder:"FILE" group:"Callers and TLS:" help:"Certificate chain in PEM, to serve over TLS. Reloaded when it changes."`
	TLSKey         string   `name:"tls-key" env:"SIGNPOST_TLS_KEY" placeholder:"FILE" group:"Callers and TLS:" help:"Private key of --tls-cert in PEM."`

	SigningAccessKeyID     string `name:"signing-access-key-id" env:"SIGNPOST_SIGNING_ACCESS_KEY_ID" placeholder:"ID" group:"Credentials that sign uploads:" help:"Access key ID that signs uploads (default: the service's credentials). Allow it s3:PutObject on imports/* only."`
	SigningSecretAccessKey Secret `env:"SIGNPOST_SIGNING_SECRET_ACCESS_KEY" placeholder:"SECRET" group:"Credentials that sign uploads:" help:"Secret of this access key. Prefer the variable: other users of this machine can read flags."`
	SigningSessionToken    Secret `env:"SIGNPOST_SIGNING_SESSION_TOKEN" placeholder:"TOKEN" group:"Credentials that sign uploads:" help:"Session token of this access key, for temporary credentials."`
	SigningRoleARN         string `name:"signing-role-arn" env:"SIGNPOST_SIGNING_ROLE_ARN" placeholder:"ARN" group:"Credentials that sign uploads:" help:"Role to assume to sign uploads, limited to s3:PutObject on imports/*."`
	AllowUnsignedHeaders   bool   `env:"SIGNPOST_ALLOW_UNSIGNED_HEADERS" group:"Credentials that sign uploads:" help:"Start although the store honors headers that an upload URL does not sign. Clients can then read every object of the bucket."`

	WebhookURL              string   `name:"webhook-url" env:"SIGNPOST_WEBHOOK_URL" placeholder:"URL" group:"Events:" help:"URL of the webhook receiver of the events of each import."`
	WebhookSecrets          []Secret `env:"SIGNPOST_WEBHOOK_SECRETS" placeholder:"KEY" group:"Events:" help:"Keys from signpost webhooks keygen that sign deliveries, the newest first: KEY or, for one host, HOST=KEY. Prefer the variable or a file: other users of this machine can read flags."`
	WebhookSecretsFile      string   `env:"SIGNPOST_WEBHOOK_SECRETS_FILE" placeholder:"FILE" group:"Events:" help:"File with these keys, one per line. Reloaded when it changes."`
	WebhookSecretsParameter string   `env:"SIGNPOST_WEBHOOK_SECRETS_PARAMETER" placeholder:"NAME" group:"Events:" help:"Parameter of AWS Systems Manager Parameter Store with these keys. Reloaded every 5 minutes."`
	WebhookHosts            []string `env:"SIGNPOST_WEBHOOK_HOSTS" placeholder:"HOST" group:"Events:" help:"Hosts that an import may name in its webhook_url, with the port unless it is 443. Deliveries to them use https only."`
	WebhookNetworks         []string `env:"SIGNPOST_WEBHOOK_NETWORKS" placeholder:"CIDR" group:"Events:" help:"Private networks of webhook receivers: CIDR for --webhook-url, also over plain HTTP; HOST=CIDR for a host of --webhook-hosts."`
	EventBus                string   `env:"SIGNPOST_EVENT_BUS" placeholder:"NAME" group:"Events:" help:"Amazon EventBridge bus that receives the same events."`
	StoreEventsSecret       Secret   `env:"SIGNPOST_STORE_EVENTS_SECRET" placeholder:"SECRET" group:"Events:" help:"Secret of a store that sends object-created notifications to POST /events/s3, at least 16 characters (default: they are rejected)."`

	MetricsListen           string        `env:"SIGNPOST_METRICS_LISTEN" placeholder:"HOST:PORT" group:"Operation:" help:"Address of /metrics (for Prometheus), /healthz and /readyz, without authentication (default: not served)."`
	MaxConnections          int           `env:"SIGNPOST_MAX_CONNECTIONS" default:"4096" placeholder:"COUNT" group:"Operation:" help:"Open connections; more wait (default ${default})."`
	MaxConnectionsPerClient int           `env:"SIGNPOST_MAX_CONNECTIONS_PER_CLIENT" placeholder:"COUNT" group:"Operation:" help:"Open connections of one address, or one IPv6 /64 network; more are closed. Trusted proxies are exempt (default: half of --max-connections, at least 16)."`
	LongPolling             bool          `env:"SIGNPOST_LONG_POLLING" default:"true" group:"Operation:" help:"Hold requests with ?wait until the import changes (default true; --long-polling=false answers them at once)."`
	StopDelay               time.Duration `env:"SIGNPOST_STOP_DELAY" default:"0s" placeholder:"DURATION" group:"Operation:" help:"Time to continue to serve after a stop signal, while /readyz returns 503, up to 5m (default ${default})."`

	// LocalStore is set if the bucket is that of the local store. It is no setting: serve starts that store without a
	// bucket.
	LocalStore bool `kong:"-"`
	// Traces is set if the service sends traces. It is no setting either: see Errors.ReadTraces.
	Traces bool `kong:"-"`
}

// WithAbsolutePaths returns c with absolute paths of files, because the local store changes the working directory.
func (c Config) WithAbsolutePaths() (Config, error) {
	for _, path := range []*string{&c.APIKeysFile, &c.TLSCert, &c.TLSKey, &c.WebhookSecretsFile} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return c, err
		}
		*path = absolute
	}
	return c, nil
}

// Local reports whether only this machine can reach the API.
func (c Config) Local() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && hostport.IsLoopback(host)
}

// AllowsDownloads reports whether completed imports have a download URL. Without a setting, only those of the local
// store do.
func (c Config) AllowsDownloads() bool {
	if c.Downloads == nil {
		return c.LocalStore
	}
	return *c.Downloads
}

// ConnectionsPerClient returns how many connections one client may have. The default is half of all, so that one client
// cannot take all of them, but at least 16: a browser opens 6, and several users may share an address.
func (c Config) ConnectionsPerClient() int {
	return cmp.Or(c.MaxConnectionsPerClient, max(16, c.MaxConnections/2))
}

// Authenticates reports whether callers can present credentials.
func (c Config) Authenticates() bool { return c.APIKeysFile != "" || c.OIDCIssuer != "" }

// TrustedNetworks returns the networks of proxies whose X-Forwarded-For is used.
func (c Config) TrustedNetworks() ([]*net.IPNet, error) { return parseNetworks(c.TrustedProxies) }

// HasSigningCredentials reports whether uploads are signed with other credentials than the service's.
func (c Config) HasSigningCredentials() bool {
	return c.SigningAccessKeyID != "" || c.SigningRoleARN != ""
}

// HasWebhooks reports whether events may be delivered by webhook.
func (c Config) HasWebhooks() bool { return c.WebhookURL != "" || len(c.WebhookHosts) > 0 }

// HasEvents reports whether c names a receiver of events.
func (c Config) HasEvents() bool { return c.HasWebhooks() || c.EventBus != "" }
