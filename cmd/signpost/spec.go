package main

import "github.com/signpost-s3/signpost/openapi"

type specCmd struct{}

func (specCmd) Run(i *invocation) error {
	_, err := i.stdout.Write(openapi.YAML)
	return err
}
