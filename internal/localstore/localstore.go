// Package localstore is an S3 store for laptops and tests: versitygw on a folder, in this process, behind an HTTP
// server on a loopback port. It checks signatures, expiry, checksums and conditions as S3 does, so a URL that works
// here was signed correctly. It is not for production: one account, plain HTTP, loopback only.
//
// While a store runs, the process's working directory is the store's folder, because versitygw's posix backend uses
// relative paths. So a process can run one store at a time, and its other code must resolve relative paths before
// Start. Close restores the working directory.
package localstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
)

// region is the region that versitygw signs for: S3's default.
const region = "us-east-1"

// Options configures a store.
type Options struct {
	// Dir contains store/ (a folder per bucket), attributes/ (attributes that are too large for an extended one;
	// sidecar/ for all attributes on file systems without extended ones), credentials and a lock.
	Dir    string
	Listen string // host:port on a loopback host; port 0 selects a free one
	Bucket string // created if it does not exist
	// CORS is the bucket's CORS rule, with exact origins, whose pages may also send forms (default: no rule).
	CORS types.CORSRule

	// OnObjectCreated is called with the key of each object that was stored in Bucket, by PUT, form, copy or a completed
	// multipart upload; it may be nil. Requests do not wait for it; up to four calls run at a time. It is a hint: a call
	// may be repeated, or precede the response to the upload. No call is made while 1,024 are queued, or after Close.
	OnObjectCreated func(key string)
	// ObjectCreatedPrefix is the prefix of the reported keys (default: all keys).
	ObjectCreatedPrefix string
}

// Store is a running local store.
type Store struct {
	endpoint string
	bucket   string
	creds    aws.Credentials

	server   *http.Server
	backend  backend.Backend
	process  *processLock
	traffic  *traffic
	notifier *notifier

	done chan struct{} // closed when the store no longer serves
	err  error         // why; read only after done is closed

	closing  atomic.Bool
	close    sync.Once
	closeErr error
}

// Start opens or creates the folder. It returns once the store answers, the bucket exists and its CORS rules are set.
// ctx limits only the start; Close ends the store.
func Start(ctx context.Context, o Options) (*Store, error) { return start(ctx, o, defaultLimits) }

func start(ctx context.Context, o Options, limits limits) (*Store, error) {
	if err := checkLoopback(o.Listen); err != nil {
		return nil, err
	}
	if o.Bucket == "" {
		return nil, errors.New("local store: no bucket named")
	}
	if o.Dir == "" {
		return nil, errors.New("local store: no folder named")
	}
	process, err := lockProcess()
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, o, limits, process)
	if err != nil {
		return nil, errors.Join(err, process.release())
	}
	if err := s.listen(o.Listen); err != nil {
		s.backend.Shutdown()
		return nil, errors.Join(err, process.release())
	}
	if err := s.prepareBucket(ctx, o.CORS); err != nil {
		return nil, errors.Join(fmt.Errorf("local store: prepare bucket %s: %w", o.Bucket, err), s.Close())
	}
	s.notifier.start()
	return s, nil
}

// open prepares everything but the listener.
func open(ctx context.Context, o Options, limits limits, process *processLock) (*Store, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("local store: folder %s: %w", o.Dir, err)
	}
	files, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	files.bucket, files.notifier = o.Bucket, newNotifier(o.OnObjectCreated, o.ObjectCreatedPrefix)
	s := &Store{
		bucket:   o.Bucket,
		backend:  files,
		process:  process,
		traffic:  newTraffic(),
		notifier: files.notifier,
		done:     make(chan struct{}),
	}
	var front *front
	if s.creds, err = loadCredentials(ctx, filepath.Join(dir, "credentials")); err == nil {
		front, err = s.newFront(o.CORS.AllowedOrigins, limits)
	}
	if err != nil {
		files.Shutdown()
		return nil, err
	}
	s.server = front.server()
	return s, nil
}

// Endpoint returns the store's base URL, such as http://127.0.0.1:9000. Buckets are addressed by path.
func (s *Store) Endpoint() string { return s.endpoint }

// Bucket returns the name of Options.Bucket.
func (s *Store) Bucket() string { return s.bucket }

// Credentials returns the store's only account. Its folder keeps them.
func (s *Store) Credentials() aws.Credentials { return s.creds }

// AWSConfig returns the settings for s3.NewFromConfig, which also needs UsePathStyle.
func (s *Store) AWSConfig() aws.Config {
	return aws.Config{
		Region:       region,
		Credentials:  credentials.StaticCredentialsProvider{Value: s.creds},
		BaseEndpoint: aws.String(s.endpoint),
	}
}

// Done returns a channel that is closed when the store no longer serves, by Close or an error: see Err.
func (s *Store) Done() <-chan struct{} { return s.done }

// Err returns nil while the store runs and after Close, otherwise the error that ended it.
func (s *Store) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close stops the store. While the store still answers, calls of OnObjectCreated have 10 s to return. Then it rejects
// new requests, and waits up to 10 s for those in progress. It closes the connections of the rest, which then store
// nothing. Downloads have 1 s to end. Further calls return the same error.
func (s *Store) Close() error {
	s.close.Do(func() { s.closeErr = s.stop() })
	return s.closeErr
}
