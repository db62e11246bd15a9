// Package storetest provides a real bucket for tests: the one that SIGNPOST_TEST_BUCKET names, accessed by the SDK's
// default settings, or a local store that the whole test binary shares.
//
// Memory is an S3 store in memory, for tests whose subject is not the store.
//
// While the local store runs, the test binary's working directory is the store's (see package localstore). So tests
// embed testdata, or resolve its path before the first Open, and do not use t.Chdir.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/localstore"
)

// Target is a bucket for tests. Tests share it, so each uses its own keys.
type Target struct {
	AWS       aws.Config
	Bucket    string
	PathStyle bool
	Store     *localstore.Store // nil when remote
}

// shared is package state because TestMain and the tests share nothing else.
var shared struct {
	running bool
	once    sync.Once
	target  Target
	dir     string
	err     error
}

// Run runs the tests and removes what Open created:
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

// Open returns the bucket. The first call starts the local store unless the bucket is remote.
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

// IsRemote reports whether Open returns a bucket that the environment names.
func IsRemote() bool { return os.Getenv("SIGNPOST_TEST_BUCKET") != "" }

// AwaitNextSecond waits, on a store that dates parts in seconds, until a part that is sent now is newer than others.
// SIGNPOST_TEST_SECONDS says that the store is such a one, as SeaweedFS.
func AwaitNextSecond(t testing.TB) {
	t.Helper()
	if os.Getenv("SIGNPOST_TEST_SECONDS") == "" {
		return
	}
	now := time.Now()
	select {
	case <-time.After(now.Truncate(time.Second).Add(time.Second + 50*time.Millisecond).Sub(now)):
	case <-t.Context().Done():
	}
}

// Start is Open for examples, which have no testing.TB.
func Start() (Target, error) {
	shared.once.Do(func() { shared.target, shared.err = open() })
	return shared.target, shared.err
}

func open() (Target, error) {
	ctx := context.Background() // the first test's context would end before the others'
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

// remote loads the SDK's default settings. It moves the endpoint to BaseEndpoint, where tests can read and replace it.
func remote(ctx context.Context, bucket string) (Target, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return Target{}, err
	}
	cfg.BaseEndpoint = s3.NewFromConfig(cfg).Options().BaseEndpoint
	cfg.ConfigSources = nil
	// Other stores than Amazon's rarely have a host name per bucket.
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
