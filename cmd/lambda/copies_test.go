package main_test

import (
	"bytes"
	"testing"

	"github.com/signpost-s3/signpost/openapi/export"
)

// printed returns a copy of the contract, as signpost spec prints it.
func printed(t testing.TB, o export.Options) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := export.Write(&text, o); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}
