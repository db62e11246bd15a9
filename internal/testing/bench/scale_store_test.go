package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// fill is a bucket with many imports of an owner, copies of one, and many dead events.
type fill struct {
	Owner    string
	Template string // the ID of the import that is copied
	Records  int
	Dead     int
	Newest   time.Time // of the copies
}

// id returns the ID of the nth import, from 0. Each is 5 s older than the one before: a million in two months.
func (f fill) id(n int) string {
	at := f.Newest.Add(-time.Duration(n) * 5 * time.Second).UnixMilli()
	digits := fmt.Sprintf("%012x7%03x8000%012x", at, n&0xfff, n)
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// countedStore serves a store in memory, in a process of its own. It counts the calls.
type countedStore struct {
	memory storetest.Memory
	mu     sync.Mutex
	calls  int
}

func serveStore(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("store at http://" + listener.Addr().String())
	s := &countedStore{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /-/fill", s.fill)
	mux.HandleFunc("GET /-/calls", s.takeCalls)
	mux.Handle("/"+storetest.MemoryBucket+"/", s)
	mux.Handle("/"+storetest.MemoryBucket, s)
	server := &http.Server{Handler: mux}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *countedStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	response, err := s.memory.RoundTrip(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// takeCalls returns the number of calls since its last call.
func (s *countedStore) takeCalls(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(w, s.calls)
	s.calls = 0
}

func (s *countedStore) fill(w http.ResponseWriter, r *http.Request) {
	var f fill
	err := json.NewDecoder(r.Body).Decode(&f)
	if err == nil {
		err = s.copies(f)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (s *countedStore) copies(f fill) error {
	template := imports.Job{ID: f.Template, Owner: f.Owner}
	content, err := s.read(template.Key())
	if err != nil {
		return err
	}
	record, err := s.read(template.RecordKey())
	if err != nil {
		return err
	}
	const workers = 8
	var all sync.WaitGroup
	for first := range workers {
		all.Go(func() {
			for n := first; n < f.Records; n += workers {
				j := imports.Job{ID: f.id(n), Owner: f.Owner}
				s.memory.Put(j.Key(), content)
				s.memory.Put(j.RecordKey(), bytes.ReplaceAll(record, []byte(f.Template), []byte(j.ID)))
			}
		})
	}
	all.Wait()
	for n := range f.Dead {
		const entry = `{"event":{"specversion":"1.0","id":"%s","type":"import.completed","data":{"id":"%[1]s"}},` +
			`"to":["webhook"],"written":"2026-01-01T00:00:00Z","true":true,"attempts":20,"failure":"timeout"}`
		key := "outbox/dead/20260104t000000.000z-" + f.id(n) + "-webhook-0123456789abcdef.json"
		s.memory.Put(key, fmt.Appendf(nil, entry, f.id(n)))
	}
	_, err = s.read("?list-type=2&max-keys=1") // sorts the keys, which takes seconds
	return err
}

// read reads an object without a network.
func (s *countedStore) read(key string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodGet, "http://store.test/"+storetest.MemoryBucket+"/"+key, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.memory.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(response.Body)
}
