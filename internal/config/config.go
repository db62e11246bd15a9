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
	Listen         string        `env:"SIGNPOST_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the API (default ${default})."`
	Bucket         string        `env:"SIGNPOST_BUCKET" placeholder:"NAME" help:"Bucket (default: start and use a local store)."`
	DataDir        string        `env:"SIGNPOST_DATA_DIR" default:"./data" placeholder:"FOLDER" help:"Where the local store keeps its files (default ${default})."`
	LocalListen    string        `env:"SIGNPOST_LOCAL_LISTEN" default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Address of the local store, on loopback (default ${default})."`
	PublicEndpoint string        `env:"SIGNPOST_PUBLIC_ENDPOINT" placeholder:"URL" help:"The S3 address that clients reach, where the service itself uses another."`
	PathStyle      bool          `env:"SIGNPOST_PATH_STYLE" help:"Sign path-style URLs (http://store/bucket/key), as many S3-compatible stores need."`
	URLTTL         time.Duration `name:"url-ttl" env:"SIGNPOST_URL_TTL" default:"1h" placeholder:"DURATION" help:"Lifetime of a signed URL, and the longest that a caller may request, from 1s to 168h (default ${default})."`
	JobTTL         time.Duration `name:"job-ttl" env:"SIGNPOST_JOB_TTL" default:"168h" placeholder:"DURATION" help:"How long a multipart upload can be resumed, from 1m to 8760h (default ${default})."`
	MaxSize        int64         `env:"SIGNPOST_MAX_SIZE" placeholder:"BYTES" help:"Largest import. When set, imports must declare their size and untracked ones are refused (default: the limit of S3)."`
	CORSOrigins    []string      `name:"cors-origins" env:"SIGNPOST_CORS_ORIGINS" placeholder:"ORIGIN" help:"Origins whose pages may call the API and upload to the local store, exactly as browsers send them (https://app.example.com)."`
	Downloads      bool          `env:"SIGNPOST_DOWNLOADS" help:"Give every reader of a completed import a signed URL to download it."`
	UI             bool          `name:"ui" env:"SIGNPOST_UI" default:"true" help:"Serve the web UI at / (default true)."`
	ContentTypes   []string      `name:"content-types" env:"SIGNPOST_CONTENT_TYPES" placeholder:"TYPE" help:"Media types that may be imported, such as text/csv or image/*. When set, imports must declare theirs and untracked ones are refused."`
	WriteOnce      bool          `env:"SIGNPOST_WRITE_ONCE" help:"Sign each tracked single upload with If-None-Match: *, so that a second upload to its URL is refused. Clients must send that header."`
	MaxOpenUploads int           `env:"SIGNPOST_MAX_OPEN_UPLOADS" placeholder:"COUNT" help:"Multipart uploads that a caller may have in progress, up to 1000 (default: any number)."`
	RateLimit      int           `env:"SIGNPOST_RATE_LIMIT" placeholder:"COUNT" help:"Requests a second of each caller, twice as many at once (default: no limit)."`

	AllowAnonymous bool     `env:"SIGNPOST_ALLOW_ANONYMOUS" help:"Serve anonymous callers, also beyond loopback."`
	APIKeysFile    string   `name:"api-keys-file" env:"SIGNPOST_API_KEYS_FILE" placeholder:"FILE" help:"The API keys: lines that signpost keygen prints. It is read again when it changes."`
	OIDCIssuer     string   `name:"oidc-issuer" env:"SIGNPOST_OIDC_ISSUER" placeholder:"URL" help:"Issuer of the access tokens (JWT, RS256 or ES256) that identify callers."`
	OIDCAudience   string   `name:"oidc-audience" env:"SIGNPOST_OIDC_AUDIENCE" placeholder:"NAME" help:"Audience (aud) that those tokens must have."`
	OIDCOwnerClaim string   `name:"oidc-owner-claim" env:"SIGNPOST_OIDC_OWNER_CLAIM" default:"sub" placeholder:"CLAIM" help:"Claim that contains the owner of imports (default ${default})."`
	TrustedProxies []string `env:"SIGNPOST_TRUSTED_PROXIES" placeholder:"CIDR" help:"Networks of proxies whose X-Forwarded-For is used."`
	TLSCert        string   `name:"tls-cert" env:"SIGNPOST_TLS_CERT" placeholder:"FILE" help:"Certificate chain in PEM, to serve over TLS. It is read again when it changes."`
	TLSKey         string   `name:"tls-key" env:"SIGNPOST_TLS_KEY" placeholder:"FILE" help:"Its private key in PEM."`

	SigningAccessKeyID     string `name:"signing-access-key-id" env:"SIGNPOST_SIGNING_ACCESS_KEY_ID" placeholder:"ID" help:"Access key that signs uploads instead of the service's credentials. It should allow s3:PutObject on imports/* only."`
	SigningSecretAccessKey Secret `env:"SIGNPOST_SIGNING_SECRET_ACCESS_KEY" placeholder:"SECRET" help:"Its secret. Other users of this machine see flags: use the variable."`
	SigningSessionToken    Secret `env:"SIGNPOST_SIGNING_SESSION_TOKEN" placeholder:"TOKEN" help:"Its session token, for temporary credentials."`
	SigningRoleARN         string `name:"signing-role-arn" env:"SIGNPOST_SIGNING_ROLE_ARN" placeholder:"ARN" help:"Role that is assumed to sign uploads, limited to s3:PutObject on imports/*."`
	AllowUnsignedHeaders   bool   `env:"SIGNPOST_ALLOW_UNSIGNED_HEADERS" help:"Start although the store honors headers that an upload URL does not sign. Clients can then read every object of the bucket."`

	WebhookURL              string   `name:"webhook-url" env:"SIGNPOST_WEBHOOK_URL" placeholder:"URL" help:"Webhook receiver of the events of each import."`
	WebhookSecrets          []Secret `env:"SIGNPOST_WEBHOOK_SECRETS" placeholder:"KEY" help:"Keys that sign webhook deliveries, as signpost webhooks keygen prints them, the newest first: KEY or, for one host, HOST=KEY. Other users of this machine see flags: prefer the variable or a file."`
	WebhookSecretsFile      string   `env:"SIGNPOST_WEBHOOK_SECRETS_FILE" placeholder:"FILE" help:"File with these keys, one a line. It is read again when it changes."`
	WebhookSecretsParameter string   `env:"SIGNPOST_WEBHOOK_SECRETS_PARAMETER" placeholder:"NAME" help:"Parameter of AWS Systems Manager Parameter Store with these keys. It is read again every 5 minutes."`
	WebhookHosts            []string `env:"SIGNPOST_WEBHOOK_HOSTS" placeholder:"HOST" help:"Hosts that an import may name in its webhook_url, with the port unless it is 443. They are called over https only."`
	WebhookNetworks         []string `env:"SIGNPOST_WEBHOOK_NETWORKS" placeholder:"CIDR" help:"Private networks of webhook receivers: CIDR for --webhook-url, also over plain HTTP; HOST=CIDR for a host of --webhook-hosts."`
	EventBus                string   `env:"SIGNPOST_EVENT_BUS" placeholder:"NAME" help:"Amazon EventBridge bus that receives the same events."`
	StoreEventsSecret       Secret   `env:"SIGNPOST_STORE_EVENTS_SECRET" placeholder:"SECRET" help:"Secret of a store that sends object-created notifications to POST /events/s3, at least 16 characters (default: they are rejected)."`

	MetricsListen           string        `env:"SIGNPOST_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Address of /metrics, for Prometheus, and of /healthz and /readyz (default: not served). Anonymous clients are served."`
	MaxConnections          int           `env:"SIGNPOST_MAX_CONNECTIONS" default:"4096" placeholder:"COUNT" help:"Connections at a time; more wait (default ${default})."`
	MaxConnectionsPerClient int           `env:"SIGNPOST_MAX_CONNECTIONS_PER_CLIENT" placeholder:"COUNT" help:"Connections at a time of one address, or one IPv6 /64 network; more are closed. Not for trusted proxies. The default is half of all connections, at least 16."`
	LongPolling             bool          `env:"SIGNPOST_LONG_POLLING" default:"true" help:"Hold requests with ?wait until the import changes; otherwise they are answered at once (default true)."`
	StopDelay               time.Duration `env:"SIGNPOST_STOP_DELAY" default:"0s" placeholder:"DURATION" help:"How long the service continues to serve after the signal to stop, while /readyz already returns 503, up to 5m (default ${default})."`
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
