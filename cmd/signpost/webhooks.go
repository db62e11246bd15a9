package main

type webhooksCmd struct {
	Keygen webhooksKeygenCmd `cmd:"" help:"Print a new signing key."`
	Secret webhooksSecretCmd `cmd:"" help:"Print the keys with which a receiver verifies deliveries."`
}
