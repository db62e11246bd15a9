package main

import (
	"fmt"

	"github.com/signpost-s3/signpost/internal/auth"
)

type keygenCmd struct {
	Name   string `arg:"" help:"Who the key is for, such as ci or alice.laptop. Keys of one name see the same imports, so a new key can take the place of an old one."`
	Scopes string `default:"create,read,delete" placeholder:"SCOPE,..." help:"What may be done with it; ${default} when left out."`
	Append string `placeholder:"FILE" help:"Add its line to this file of keys, and print the key alone."`
}

// Help is what keygen --help says before its flags.
func (keygenCmd) Help() string {
	return "The service knows a key only by its hash, in a line of the file that SIGNPOST_API_KEYS_FILE names. So the key is shown once, " +
		"and can be replaced but not found again.\n\n" +
		"In a script:  key=$(signpost keygen ci --append keys)"
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
		_, err = fmt.Fprintf(i.stdout, "The key of %s, to be sent in the header x-api-key. It is not shown again:\n\n  %s\n\n"+
			"Its line for the file that SIGNPOST_API_KEYS_FILE names. The service reads the\nfile anew within a second:\n\n  %s\n", k.Name, key, line)
		return err
	}
	if err := auth.AppendKey(k.Append, line); err != nil {
		return err
	}
	_, err = fmt.Fprintln(i.stdout, key)
	return err
}
