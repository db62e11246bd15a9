// Package localstore is an S3 for laptops and tests: versitygw over a folder, inside this process, behind an HTTP
// server on a loopback port of its own. It checks signatures, expiry, checksums and conditions as S3 does, so a URL
// that works here was signed correctly. It is not for production: one user, plain HTTP, loopback only.
//
// While a store runs, the process's working directory is the store's folder: versitygw's posix backend changes into it
// and uses relative paths from then on. For that reason a process can run one store at a time, and the rest of the
// process must resolve relative paths before Start, or not use any. Close changes back.
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
	"github.com/versity/versitygw/backend"
)

// region is what versitygw signs for; it is S3's own default.
const region = "us-east-1"

// Options say where a store keeps its files and what it serves.
type Options struct {
	// Dir holds store/ (a folder per bucket), attributes/ (attributes too large for an extended one; sidecar/ for all attributes where
	// the file system has no extended ones), credentials and a lock.
	Dir    string
	Listen string // host:port; the host must be loopback. Port 0 picks a free one
	Bucket string // made if it does not exist
	// CORSOrigins are the exact origins of the bucket's CORS rules, and of the pages that may send forms; none: no CORS
	// configuration.
	CORSOrigins []string

	// Arrived is called with the key of each object that has been stored in Bucket, by PUT, form, copy or a completed multipart
	// upload; nil: nobody is. Up to four calls are under way at a time, while no upload waits for them. It is a hint, which may come
	// twice or before the upload is answered, and not at all: while 1,024 wait and once Close is called, there are no more.
	OnObjectCreated func(key string)
	// ArrivedUnder is the prefix of the keys that Arrived is called with; empty: any.
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

	done chan struct{} // closed once serving has ended
	err  error         // why; read only after done

	closing  atomic.Bool
	close    sync.Once
	closeErr error
}

// Start opens the folder, or makes it, and returns once the store answers, the bucket exists and its CORS rules are
// as asked. ctx bounds the starting, not the store's life: that ends with Close.
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
	if err := s.prepareBucket(ctx, o.CORSOrigins); err != nil {
		return nil, errors.Join(fmt.Errorf("local store: prepare bucket %s: %w", o.Bucket, err), s.Close())
	}
	return s, nil
}

// open readies everything but the port.
func open(ctx context.Context, o Options, limits limits, process *processLock) (*Store, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("local store: folder %s: %w", o.Dir, err)
	}
	files, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	arrived := &notifier{onCreated: o.OnObjectCreated, prefix: o.ObjectCreatedPrefix, limit: drainLimit}
	s := &Store{
		bucket:   o.Bucket,
		backend:  notifyingBackend{wholeBodies{files}, o.Bucket, arrived},
		process:  process,
		traffic:  newTraffic(),
		notifier: arrived,
		done:     make(chan struct{}),
	}
	var front *front
	if s.creds, err = loadCredentials(ctx, filepath.Join(dir, "credentials")); err == nil {
		front, err = s.newFront(o.CORSOrigins, limits)
	}
	if err != nil {
		files.Shutdown()
		return nil, err
	}
	s.server = front.server()
	return s, nil
}

// Endpoint is the store's base URL, such as http://127.0.0.1:9000. Buckets are addressed by path.
func (s *Store) Endpoint() string { return s.endpoint }

// Bucket is the bucket that Start made sure of.
func (s *Store) Bucket() string { return s.bucket }

// Credentials are the store's only account. They are made once and kept in its folder.
func (s *Store) Credentials() aws.Credentials { return s.creds }

// AWSConfig is all that s3.NewFromConfig needs, with UsePathStyle set.
func (s *Store) AWSConfig() aws.Config {
	return aws.Config{
		Region:       region,
		Credentials:  credentials.StaticCredentialsProvider{Value: s.creds},
		BaseEndpoint: aws.String(s.endpoint),
	}
}

// Done is closed when the store no longer serves, because of Close or because it failed; Err tells which.
func (s *Store) Done() <-chan struct{} { return s.done }

// Err is nil while the store runs and after an orderly end, else what ended it.
func (s *Store) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close refuses new requests, waits up to 10 s for those under way, cuts off the rest, which then store nothing, and
// stops listening. Downloads have a second to end. Before all that, while the store still answers, calls of Arrived have 10 s to return.
// It may be called again and answers the same.
func (s *Store) Close() error {
	s.close.Do(func() { s.closeErr = s.stop() })
	return s.closeErr
}
