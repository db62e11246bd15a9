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
	"path/filepath"
	"runtime/debug"
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
	// pause is the mean time of a worker between two imports. Sixteen without any keep two cores so busy that calls to the store,
	// with the race detector at work, take longer than the 5 s that the service gives them.
	pause = 150 * time.Millisecond
	// bucketName is the bucket's name in the local store.
	bucketName = "signpost"
)

// soak is one run.
type soak struct {
	options
	ctx             context.Context // ends with the run, however it ends
	cancel          context.CancelCauseFunc
	dir             string
	binary          string
	store           *process
	storeURL        string
	servers         [2]*process
	keys            string // the file of the tenants' API keys
	tenants         []*tenant
	web             *http.Client
	s3              *s3.Client
	ledger          ledger
	tally           tally
	journal         *os.File // every request
	trap            trap
	gate            sync.RWMutex // held for reading by whoever is at work, for writing while all is quiet
	over            atomic.Bool
	growth          growth
	quiet           time.Duration // spent at quiet points
	looks           int
	orphans         int
	kills, restarts atomic.Int64 // of servers; of the store
}

// tenant is an owner of imports, and a client of both servers.
type tenant struct {
	name    string // as it is in keys
	key     string // its API key
	clients [2]*client.Client
}

func prepare(ctx context.Context, o options, dir string) (*soak, error) {
	journal, err := os.Create(filepath.Join(dir, "journal"))
	if err != nil {
		return nil, err
	}
	s := &soak{options: o, dir: dir, binary: filepath.Join(dir, "signpost"), journal: journal, ledger: newLedger(), tally: tally{counts: map[string]map[string]int{}, journal: journal}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.web = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * workerCount}, Timeout: callLimit}
	var addresses [7]string // of the processes and, from the fifth on, of their metrics
	for i := range addresses {
		if addresses[i], err = freeAddress(); err != nil {
			return nil, err
		}
	}
	s.storeURL = "http://" + addresses[1]
	s.keys = filepath.Join(dir, "keys")
	s.store = s.process("store", addresses[0], "SIGNPOST_LOCAL_LISTEN="+addresses[1], "SIGNPOST_DATA_DIR="+filepath.Join(dir, "data"))
	for i, name := range []string{"a", "b"} {
		s.servers[i] = s.process(name, addresses[2+i], "SIGNPOST_BUCKET="+bucketName, "SIGNPOST_PATH_STYLE=true", "SIGNPOST_DOWNLOADS=true",
			"AWS_ENDPOINT_URL_S3="+s.storeURL, "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "data", "credentials"), "SIGNPOST_API_KEYS_FILE="+s.keys)
	}
	for i, p := range []*process{s.store, s.servers[0], s.servers[1]} {
		p.metrics = addresses[4+i]
		p.env = append(p.env, "SIGNPOST_METRICS_LISTEN="+p.metrics)
	}
	return s, nil
}

func (s *soak) process(name, address string, env ...string) *process {
	p := &process{name: name, address: address, log: filepath.Join(s.dir, name+".log"), env: append(env, "SIGNPOST_LISTEN="+address)}
	p.away.begins() // until it has started
	return p
}

// freeAddress finds a port that no other process will be given while ours is down: those for outgoing connections begin at 32768.
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

// open makes the clients of what runs now.
func (s *soak) open() error {
	settings, err := config.LoadDefaultConfig(s.ctx, config.WithRegion("us-east-1"), config.WithSharedConfigFiles(nil),
		config.WithSharedCredentialsFiles([]string{filepath.Join(s.dir, "data", "credentials")}))
	if err != nil {
		return err
	}
	s.s3 = s3.NewFromConfig(settings, func(o *s3.Options) {
		o.UsePathStyle, o.HTTPClient, o.BaseEndpoint = true, s.web, &s.storeURL
	})
	for _, t := range s.tenants {
		for i, p := range s.servers {
			if t.clients[i], err = client.NewClient("http://"+p.address, client.WithHTTPClient(s.web), client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error { t.sign(r); return nil })); err != nil {
				return err
			}
		}
	}
	return nil
}

// sign puts the tenant's key into r.
func (t *tenant) sign(r *http.Request) *http.Request {
	r.Header.Set("X-Api-Key", t.key)
	return r
}

// worker is a client that is at one import at a time.
type worker struct {
	*soak
	rng     *rand.Rand
	resigns bool // where it is not answered at once
}

func (s *soak) worker(n uint64) *worker {
	return &worker{soak: s, rng: rand.New(rand.NewPCG(s.seed, n))}
}

// twin is another client, beside w.
func (w *worker) twin() *worker {
	t := w.worker(w.rng.Uint64())
	t.resigns = t.chance(20)
	return t
}

// work goes from import to import until the traffic is over.
func (w *worker) work() {
	defer w.recovered()
	for !w.over.Load() {
		w.gate.RLock()
		if !w.over.Load() {
			w.turn()
		}
		w.gate.RUnlock()
		time.Sleep(time.Duration(w.rng.Int64N(int64(2 * pause))))
	}
}

// together runs f and g at the same time.
func (s *soak) together(f, g func()) {
	var wg sync.WaitGroup
	for _, do := range []func(){f, g} {
		wg.Go(func() {
			defer s.recovered()
			do()
		})
	}
	wg.Wait()
}

// recovered makes a violation of a panic, so that the processes are ended in order.
func (s *soak) recovered() {
	if r := recover(); r != nil {
		s.tally.violate("panic: %v\n%s", r, debug.Stack())
		s.cancel(fmt.Errorf("panic: %v", r))
	}
}
