package main

import (
	"fmt"

	"github.com/signpost-s3/signpost/internal/webhook"
)

type webhooksKeygenCmd struct {
	Asymmetric bool `help:"Print an ed25519 private key (whsk_...) instead of a secret (whsec_...)."`
}

// Help returns the text before the flags in webhooks keygen --help.
func (webhooksKeygenCmd) Help() string {
	return "The key is for SIGNPOST_WEBHOOK_SECRETS or the file that SIGNPOST_WEBHOOK_SECRETS_FILE names: a secret " +
		"(whsec_...) or, with --asymmetric, a private key (whsk_...). Put a new key in front of the old one, and remove " +
		"the old one when all receivers have changed. Receivers of an asymmetric key get its public key (whpk_...), which " +
		"cannot sign.\n\n" +
		"Example:\n\n\tsignpost webhooks keygen > webhook-secrets"
}

func (k webhooksKeygenCmd) Run(i *invocation) error {
	key := webhook.NewSecret()
	if k.Asymmetric {
		key = webhook.NewPrivateKey()
	}
	_, err := fmt.Fprintln(i.stdout, key)
	return err
}
