package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	config    config.Config
	log       *slog.Logger
	parameter func(context.Context) (string, error) // nil unless the keys are in Parameter Store

	mu   sync.Mutex
	held *webhook.Keys
	err  error     // of the last read of the parameter
	next time.Time // when the parameter is read again
}

// ReadWebhookKeys reads the keys of webhooks once.
func ReadWebhookKeys(
	ctx context.Context, c config.Config, settings aws.Config, log *slog.Logger,
) (*webhook.Keys, error) {
	keys, err := newWebhookKeys(c, settings, log)
	if err != nil {
		return nil, err
	}
	return keys.Current(ctx)
}

// newWebhookKeys reads the keys of webhooks from the setting or its file. A parameter is read by Current, so that a
// Lambda function that delivers nothing starts without that call: a burst of starts would exceed the rate that
// Parameter Store allows.
func newWebhookKeys(c config.Config, settings aws.Config, log *slog.Logger) (*WebhookKeys, error) {
	k := &WebhookKeys{config: c, log: log}
	if c.WebhookSecretsParameter != "" {
		k.parameter = parameterstore.Open(settings, c.WebhookSecretsParameter)
		return k, nil
	}
	return k, k.read()
}

// Current returns the keys to sign with now. While a parameter cannot be read, or holds no keys, those from before stay
// in use.
func (k *WebhookKeys) Current(ctx context.Context) (*webhook.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.parameter != nil && !time.Now().Before(k.next) {
		k.readParameter(ctx)
	}
	if k.held == nil {
		return nil, k.err
	}
	return k.held, nil
}

func (k *WebhookKeys) readParameter(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, parameterTimeout)
	defer cancel()
	text, err := k.parameter(ctx)
	var keys *webhook.Keys
	if err == nil {
		keys, err = k.config.ParseWebhookKeys(text)
	}
	if err != nil {
		k.err = fmt.Errorf("%s: %w", k.config.Setting(&k.config.WebhookSecretsParameter), err)
		k.next = time.Now().Add(parameterRetry)
		if k.held != nil { // otherwise the caller reports the error
			k.log.Error("webhook secrets cannot be read; those from before stay in use", "error", k.err.Error())
		}
		return
	}
	k.held, k.err, k.next = keys, nil, time.Now().Add(parameterAge)
}

// Watch reads the file again whenever it changes, until ctx ends. While the file is wrong or missing, the keys from
// before stay in use.
func (k *WebhookKeys) Watch(ctx context.Context) {
	if k.config.WebhookSecretsFile == "" {
		return
	}
	filewatch.Watch(ctx, func() {
		if err := k.read(); err != nil {
			k.log.Error("webhook secrets cannot be read; those from before stay in use", "error", err.Error())
		} else {
			k.log.Info("webhook secrets read", "file", k.config.WebhookSecretsFile)
		}
	}, k.config.WebhookSecretsFile)
}

// read takes the keys of the setting or its file into use.
func (k *WebhookKeys) read() error {
	text, variable := k.config.SecretsText(), k.config.Name(&k.config.WebhookSecrets)
	if file := k.config.WebhookSecretsFile; file != "" {
		variable = k.config.Setting(&k.config.WebhookSecretsFile)
		contents, err := readSecretsFile(file)
		if err != nil {
			return fmt.Errorf("%s: %w", variable, err)
		}
		text = contents
	}
	keys, err := k.config.ParseWebhookKeys(text)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = keys
	return nil
}

// readSecretsFile returns the text of a file. Its errors do not name the file.
func readSecretsFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", errors.Unwrap(err)
	case !info.Mode().IsRegular():
		return "", errors.New("must be a regular file, which can be read again when it changes")
	case info.Size() > maxSecretsFile:
		return "", fmt.Errorf("must be at most %d bytes", maxSecretsFile)
	}
	contents, err := os.ReadFile(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	return string(contents), nil
}
