package server_test

import (
	"os"
	"testing"

	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
