package main

import (
	"fmt"

	"github.com/signpost-s3/signpost/internal/auth"
)

type keygenCmd struct {
	Name   string `arg:"" help:"Owner of the key, such as ci or alice.laptop."`
	Scopes string `default:"create,read,delete" placeholder:"SCOPE,..." help:"Operations that the key allows (default ${default})."`
	Append string `placeholder:"FILE" help:"Append the key's line to this file of keys, and print only the key."`
}

// Help returns the text before the flags in keygen --help.
func (keygenCmd) Help() string {
	return "The file that SIGNPOST_API_KEYS_FILE names stores only the hash of a key, so the key is printed once and " +
		"cannot be recovered. Keys with the same name access the same imports, so a new key can replace an old one.\n\n" +
		"Example:\n\n\tkey=$(signpost keygen ci --append keys)"
}

func (k keygenCmd) Run(i *invocation) error {
	scope, err := auth.ParseScopes(k.Scopes)
	if err != nil {
		return usageError{fmt.Errorf("--scopes=%q: %w", k.Scopes, err)}
	}
	key, line, err := auth.NewKey(k.Name, scope)
	if err != nil {
		return usageError{err}
	}
	if k.Append == "" {
		_, err = fmt.Fprintf(i.stdout, "The key of %s. Send it in the header x-api-key. It is not shown again:\n\n  %s\n\n"+
			"Add this line to the file that SIGNPOST_API_KEYS_FILE names. The service reloads\nthe file within a "+
			"second:\n\n  %s\n",
			k.Name, key, line)
		return err
	}
	if err := auth.AppendKey(k.Append, line); err != nil {
		return err
	}
	_, err = fmt.Fprintln(i.stdout, key)
	return err
}
