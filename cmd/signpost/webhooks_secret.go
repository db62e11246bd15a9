package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/signpost-s3/signpost/internal/assembly"
	"github.com/signpost-s3/signpost/internal/config"
	"github.com/signpost-s3/signpost/internal/webhook"
)

type webhooksSecretCmd struct {
	Host string `arg:"" optional:"" help:"Host of SIGNPOST_WEBHOOK_HOSTS, with the port unless it is 443 (default: the receiver of SIGNPOST_WEBHOOK_URL)."`

	WebhookSecrets     []config.Secret `env:"SIGNPOST_WEBHOOK_SECRETS" placeholder:"KEY" help:"Keys of the service. Prefer the variable or a file."`
	WebhookSecretsFile string          `env:"SIGNPOST_WEBHOOK_SECRETS_FILE" placeholder:"FILE" help:"File with the keys, one per line."`

	WebhookSecretsParameter string `env:"SIGNPOST_WEBHOOK_SECRETS_PARAMETER" placeholder:"NAME" help:"Parameter of AWS Systems Manager Parameter Store with the keys."`
}

// Help returns the text before the flags in webhooks secret --help.
func (webhooksSecretCmd) Help() string {
	return "Read the keys of the service, and print a line for each that signs deliveries to this receiver, the " +
		"newest first: a secret (whsec_...) or a public key (whpk_...). The receiver needs one of them, preferably the " +
		"first. Never give a receiver the keys of the service: with them it could sign for every receiver.\n\n" +
		"Example:\n\n\tsignpost webhooks secret --webhook-secrets-file keys hooks.example.com"
}

func (s webhooksSecretCmd) Run(i *invocation) error {
	keys, err := s.read(i)
	if err != nil {
		return err
	}
	var signing []webhook.Key
	if s.Host == "" {
		signing, err = keys.Common()
	} else {
		var host string
		if host, err = webhook.ParseHost(s.Host); err != nil {
			return usageError{err}
		}
		signing, err = keys.ForHost(host)
	}
	if err != nil {
		return err
	}
	for _, key := range signing {
		if _, err := fmt.Fprintln(i.stdout, key.Verifier()); err != nil {
			return err
		}
	}
	return nil
}

// read returns the keys of the service.
func (s webhooksSecretCmd) read(i *invocation) (*webhook.Keys, error) {
	if len(s.WebhookSecrets) == 0 && s.WebhookSecretsFile == "" && s.WebhookSecretsParameter == "" {
		return nil, usageError{errors.New("set SIGNPOST_WEBHOOK_SECRETS, SIGNPOST_WEBHOOK_SECRETS_FILE or " +
			"SIGNPOST_WEBHOOK_SECRETS_PARAMETER as for the service")}
	}
	c := config.Config{
		WebhookSecrets: s.WebhookSecrets, WebhookSecretsFile: s.WebhookSecretsFile,
		WebhookSecretsParameter: s.WebhookSecretsParameter,
	}
	var settings aws.Config
	var err error
	if s.WebhookSecretsParameter != "" {
		if settings, err = c.LoadAWS(i.ctx); err != nil {
			return nil, err
		}
	}
	return assembly.ReadWebhookKeys(i.ctx, c, settings, assembly.NewLogger(i.stderr))
}
