// Package storetest gives other packages' tests a real bucket: the one that SIGNPOST_TEST_BUCKET names, reached by the
// SDK's standard chain, or else a local store that the whole test binary shares.
//
// While the local store runs, the test binary's working directory is the store's (see package localstore): tests that
// read testdata embed it, or resolve its path before the first Open, and do not use t.Chdir.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// Target is a bucket to test with. Tests share it, so each works under keys of its own.
type Target struct {
	AWS       aws.Config
	Bucket    string
	PathStyle bool
	Store     *localstore.Store // nil when remote
}

// shared is package state because TestMain and the tests have only the package in common.
var shared struct {
	running bool
	once    sync.Once
	target  Target
	dir     string
	err     error
}

// Run runs the tests and removes what Open made:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
func Run(m *testing.M) int {
	shared.running = true
	code := m.Run()
	if err := remove(); err != nil {
		fmt.Fprintln(os.Stderr, "storetest:", err)
		return max(code, 1)
	}
	return code
}

// Open gives the test the bucket. The first call starts the local store, if that is what is used.
func Open(t testing.TB) Target {
	t.Helper()
	if !shared.running {
		t.Fatal("storetest: this package's tests need func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }")
	}
	target, err := Start()
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	return target
}

// Start is Open for examples, which have no test at hand.
func Start() (Target, error) {
	shared.once.Do(func() { shared.target, shared.err = open() })
	return shared.target, shared.err
}

func open() (Target, error) {
	ctx := context.Background() // the first test's would end before the others'
	if bucket := os.Getenv("SIGNPOST_TEST_BUCKET"); bucket != "" {
		return remote(ctx, bucket)
	}
	dir, err := os.MkdirTemp("", "storetest-*")
	if err != nil {
		return Target{}, err
	}
	shared.dir = dir
	store, err := localstore.Start(ctx, localstore.Options{Dir: dir, Listen: "127.0.0.1:0", Bucket: "storetest"})
	if err != nil {
		return Target{}, err
	}
	return Target{AWS: store.AWSConfig(), Bucket: store.Bucket(), PathStyle: true, Store: store}, nil
}

// remote reads the standard chain. The endpoint moves into BaseEndpoint, where a test can see it and put another.
func remote(ctx context.Context, bucket string) (Target, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return Target{}, err
	}
	cfg.BaseEndpoint = s3.NewFromConfig(cfg).Options().BaseEndpoint
	cfg.ConfigSources = nil
	// A store that is not Amazon's seldom has a host name for each bucket.
	return Target{AWS: cfg, Bucket: bucket, PathStyle: cfg.BaseEndpoint != nil}, nil
}

func remove() error {
	var err error
	if store := shared.target.Store; store != nil {
		err = store.Close()
	}
	if shared.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(shared.dir))
}
