package main

type webhooksCmd struct {
	Keygen webhooksKeygenCmd `cmd:"" help:"Print a new key that signs webhook deliveries."`
	Secret webhooksSecretCmd `cmd:"" help:"Print what a receiver verifies deliveries with."`
}
