//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/gen/client"
)

const (
	workerCount = 16
	// pause is a worker's mean time between imports. Without it, the race detector keeps two cores so busy that store
	// calls exceed the service's timeout of 5 s.
	pause = 150 * time.Millisecond
)

// bucketName is the local store's bucket.
var bucketName = "signpost"

// soak is one run.
type soak struct {
	options
	ctx     context.Context // canceled at the end of the run
	cancel  context.CancelCauseFunc
	dir     string
	binary  string
	store   *process
	servers [2]*process
	keys    string // the file of API keys
	tenants []*tenant
	web     *http.Client
	s3      *s3.Client

	endpoint, credentials string // the store's URL and credentials file

	ledger ledger
	tally
	trigger         trigger
	traffic         sync.RWMutex // read-locked by workers, locked during audits
	ended           atomic.Bool
	kills, restarts atomic.Int64 // of servers; of the store
	audits          int
	quiet           time.Duration // spent on audits
	orphans         int
	readings        []reading
}

// tenant is an owner and a client of both servers.
type tenant struct {
	owner   string // as in the bucket's keys
	key     string // its API key
	clients [2]*client.Client
}

func prepare(ctx context.Context, o options, dir string) (*soak, error) {
	s := &soak{
		options: o,
		dir:     dir,
		binary:  filepath.Join(dir, "signpost"),
		keys:    filepath.Join(dir, "keys"),
		ledger:  newLedger(),
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.web = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * workerCount}, Timeout: callLimit}
	s.counts = map[string]map[string]int{}
	var err error
	if s.journal, err = os.Create(filepath.Join(dir, "journal")); err != nil {
		return nil, err
	}
	ports := [7]string{}
	for i := range ports {
		if ports[i], err = freeAddress(); err != nil {
			return nil, err
		}
	}
	s.endpoint, s.credentials = "http://"+ports[1], filepath.Join(dir, "data", "credentials")
	s.store = s.process(
		"store", ports[0], ports[6], "SIGNPOST_LOCAL_LISTEN="+ports[1], "SIGNPOST_DATA_DIR="+filepath.Dir(s.credentials))
	for i, name := range []string{"a", "b"} {
		s.servers[i] = s.process(
			name, ports[2+i], ports[4+i], "SIGNPOST_BUCKET="+bucketName, "SIGNPOST_PATH_STYLE=true", "SIGNPOST_DOWNLOADS=true",
			"SIGNPOST_API_KEYS_FILE="+s.keys, "AWS_ENDPOINT_URL_S3="+s.endpoint, "AWS_SHARED_CREDENTIALS_FILE="+s.credentials,
		)
	}
	return s, nil
}

// freeAddress returns a free port below 32768, where outgoing connections begin, so that it stays free during restarts.
func freeAddress() (string, error) {
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return "", err
		}
	}
}

// startAll builds the program, creates the tenants' keys, and starts the store and both servers.
func (s *soak) startAll() error {
	args := []string{"build", "-o", s.binary, fmt.Sprintf("-race=%v", s.race), "./cmd/signpost"}
	build := exec.CommandContext(s.ctx, "go", args...)
	build.Env = append(os.Environ(), "CGO_ENABLED=1") // the race detector requires it
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	for _, name := range []string{"ant", "bee", "cat"} {
		key, err := exec.CommandContext(s.ctx, s.binary, "keygen", name, "--append", s.keys).Output()
		if err != nil {
			return fmt.Errorf("keygen: %w", err)
		}
		t := &tenant{owner: "key-" + name, key: strings.TrimSpace(string(key))}
		for i, p := range s.servers {
			t.clients[i], err = client.NewClient(
				"http://"+p.address, client.WithHTTPClient(s.web), client.WithRequestEditorFn(t.sign),
			)
			if err != nil {
				return err
			}
		}
		s.tenants = append(s.tenants, t)
	}
	for _, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		if err := p.start(s.binary); err != nil {
			return err
		}
	}
	settings, err := config.LoadDefaultConfig(
		s.ctx, config.WithRegion("us-east-1"), config.WithSharedConfigFiles(nil),
		config.WithSharedCredentialsFiles([]string{s.credentials}),
	)
	s.s3 = s3.NewFromConfig(
		settings, func(o *s3.Options) { o.UsePathStyle, o.HTTPClient, o.BaseEndpoint = true, s.web, &s.endpoint },
	)
	return err
}

func (t *tenant) sign(_ context.Context, r *http.Request) error {
	r.Header.Set("X-Api-Key", t.key)
	return nil
}

// worker is a client that handles one import at a time.
type worker struct {
	*soak
	rng          *rand.Rand
	neverRetries bool // of requests without a response
}

func (s *soak) worker(n uint64) *worker {
	return &worker{soak: s, rng: rand.New(rand.NewPCG(s.seed, n))}
}

// otherClient returns another client with the same tenants.
func (w *worker) otherClient() *worker {
	t := w.worker(w.rng.Uint64())
	t.neverRetries = t.chance(20)
	return t
}

func (w *worker) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *worker) tenant() *tenant { return w.tenants[w.rng.IntN(len(w.tenants))] }

// work handles imports until the traffic ends. One client in ten never retries.
func (w *worker) work() {
	defer w.recovered()
	for !w.ended.Load() {
		w.traffic.RLock()
		if !w.ended.Load() {
			w.neverRetries = w.chance(10)
			kinds[w.rng.IntN(len(kinds))](w)
		}
		w.traffic.RUnlock()
		time.Sleep(time.Duration(w.rng.Int64N(int64(2 * pause))))
	}
}

// concurrently runs f and g concurrently.
func (s *soak) concurrently(f, g func()) {
	var wg sync.WaitGroup
	for _, do := range []func(){f, g} {
		wg.Go(func() {
			defer s.recovered()
			do()
		})
	}
	wg.Wait()
}

// recovered converts a panic into a violation, so that the processes are stopped.
func (s *soak) recovered() {
	if r := recover(); r != nil {
		s.violate("panic: %v\n%s", r, debug.Stack())
		s.cancel(fmt.Errorf("panic: %v", r))
	}
}
