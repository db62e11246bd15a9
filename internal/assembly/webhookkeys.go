package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/filewatch"
	"github.com/signpost-s3/signpost/internal/parameterstore"
	"github.com/signpost-s3/signpost/internal/webhook"
)

const (
	// maxSecretsFile limits the file, in bytes. A key has at most 95, and a host 253.
	maxSecretsFile = 1 << 20
	// parameterAge is the time after which a parameter is read again.
	parameterAge = 5 * time.Minute
	// parameterRetry is the time after which reading a parameter is tried again. It is the shortest delay between
	// delivery attempts.
	parameterRetry = 5 * time.Second
	// parameterTimeout limits one read of a parameter, with the retries of the SDK.
	parameterTimeout = 5 * time.Second
)

// WebhookKeys are the keys of webhooks. They can change while the service runs.
type WebhookKeys struct {
	config config.Config
	log    *slog.Logger
	where  string                                // names the source in errors
	read   func(context.Context) (string, error) // returns the text of the keys

	mu   sync.Mutex
	held *webhook.Keys
	err  error     // of the last read of a parameter
	next time.Time // when the parameter is read again
}

// ReadWebhookKeys reads the keys of webhooks once.
func ReadWebhookKeys(
	ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger,
) (*webhook.Keys, error) {
	keys, err := newWebhookKeys(ctx, c, settings, log)
	if err != nil {
		return nil, err
	}
	return keys.Current(ctx)
}

// newWebhookKeys reads the keys of webhooks from the setting or its file. A parameter is read by Current, so that a
// Lambda function that delivers nothing starts without that call: a burst of starts would exceed the rate that
// Parameter Store allows.
func newWebhookKeys(
	ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger,
) (*WebhookKeys, error) {
	k := &WebhookKeys{config: c, log: log}
	switch {
	case c.WebhookSecretsParameter != "":
		k.where = c.Setting(&c.WebhookSecretsParameter)
		k.read = parameterstore.Open(settings, c.WebhookSecretsParameter)
		return k, nil
	case c.WebhookSecretsFile != "":
		k.where = c.Setting(&c.WebhookSecretsFile)
		k.read = func(context.Context) (string, error) { return readSecretsFile(c.WebhookSecretsFile) }
	default:
		k.where = c.Name(&c.WebhookSecrets)
		k.read = func(context.Context) (string, error) { return c.SecretsText(), nil }
	}
	return k, k.reload(ctx)
}

// Current returns the keys to sign with now. While a parameter cannot be read, or holds no keys, the previous ones stay
// in use.
func (k *WebhookKeys) Current(ctx context.Context) (*webhook.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.config.WebhookSecretsParameter != "" && !time.Now().Before(k.next) {
		ctx, cancel := context.WithTimeout(ctx, parameterTimeout)
		defer cancel()
		again := parameterAge
		if k.err = k.reload(ctx); k.err != nil {
			again = parameterRetry
		}
		k.next = time.Now().Add(again)
	}
	if k.held == nil {
		return nil, k.err
	}
	return k.held, nil
}

// common returns the keys of the operator's own receiver.
func (k *WebhookKeys) common(ctx context.Context, _ string) ([]webhook.Key, error) {
	current, err := k.Current(ctx)
	if err != nil {
		return nil, err
	}
	return current.Common()
}

// forHost returns the keys of a receiver that an import names.
func (k *WebhookKeys) forHost(ctx context.Context, host string) ([]webhook.Key, error) {
	current, err := k.Current(ctx)
	if err != nil {
		return nil, err
	}
	return current.ForHost(host)
}

// Watch reads the file again whenever it changes, until ctx ends. While the file is wrong or missing, the keys from
// before stay in use.
func (k *WebhookKeys) Watch(ctx context.Context) {
	file := k.config.WebhookSecretsFile
	if file == "" {
		return
	}
	filewatch.Watch(ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.reload(ctx) == nil {
			k.log.Info("webhook keys loaded", "file", file)
		}
	}, file)
}

// reload reads the keys. If that fails, it keeps the previous ones, and logs the error if there are any.
func (k *WebhookKeys) reload(ctx context.Context) error {
	text, err := k.read(ctx)
	var keys *webhook.Keys
	if err == nil {
		keys, err = k.config.ParseWebhookKeys(text)
	}
	if err == nil {
		k.held = keys
		return nil
	}
	err = fmt.Errorf("%s: %w", k.where, err)
	if k.held != nil {
		k.log.Error("webhook key reload failed; the previous keys stay in use", "error", err)
	}
	return err
}

// readSecretsFile returns the text of a file. Its errors do not name the file.
func readSecretsFile(path string) (string, error) {
	contents, err := filewatch.Read(path, maxSecretsFile)
	if err == nil && len(contents) > maxSecretsFile {
		err = fmt.Errorf("must be at most %d bytes", maxSecretsFile)
	}
	return string(contents), err
}
