package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// BenchmarkCreate compares creating imports, one after the other, by the program on the local store, with writing
// records of the same size to that store by signed URLs.
func BenchmarkCreate(b *testing.B) {
	eachStore(b, func(b *testing.B, env []string) {
		p, store := startService(b, env), openStore(b, env)
		b.Run("signpost", func(b *testing.B) {
			for b.Loop() {
				create(b, p, trackedBody)
			}
		})
		b.Run("store", func(b *testing.B) {
			record, once := strings.Repeat("x", 300), sigv4.Header{Name: "if-none-match", Value: "*"}
			for b.Loop() {
				store.send(b, http.MethodPut, "jobs/bench/"+uuid.NewString()+".json", record, once)
			}
		})
	})
}

// BenchmarkStatus compares reading an import by the program with reading its record and its object from the same store
// at the same time, by signed URLs.
func BenchmarkStatus(b *testing.B) {
	eachStore(b, func(b *testing.B, env []string) {
		p, store := startService(b, env), openStore(b, env)
		for status, uploaded := range map[string]bool{"awaiting": false, "completed": true} {
			b.Run(status, func(b *testing.B) {
				j := createUploaded(b, p, store, uploaded)
				b.Run("signpost", func(b *testing.B) {
					for b.Loop() {
						send(b, http.MethodGet, p.url+"/import/"+j.ID, "", http.Header{})
					}
				})
				b.Run("store", func(b *testing.B) {
					for b.Loop() {
						var object sync.WaitGroup
						object.Go(func() { store.send(b, http.MethodHead, j.Key(), "") })
						store.send(b, http.MethodGet, j.RecordKey(), "")
						object.Wait()
					}
				})
			})
		}
	})
}

// BenchmarkList compares a list of 100 imports, half of them uploaded, with reading one record from the same store.
func BenchmarkList(b *testing.B) {
	const page = 100
	eachStore(b, func(b *testing.B, env []string) {
		p, store := startService(b, env), openStore(b, env)
		var j imports.Job
		for i := range page {
			j = createUploaded(b, p, store, i%2 == 0)
		}
		b.Run("signpost", func(b *testing.B) {
			for b.Loop() {
				send(b, http.MethodGet, p.url+"/import?limit="+strconv.Itoa(page), "", http.Header{})
			}
		})
		b.Run("store", func(b *testing.B) {
			for b.Loop() {
				store.send(b, http.MethodGet, j.RecordKey(), "")
			}
		})
	})
}

// distance is how long a distant store takes for each request, like Amazon S3 in the same region.
const distance = 5 * time.Millisecond

// eachStore runs run with the variables of a service on a local store, which shows how much CPU time requests take, and
// of one on a distant store, which shows how many requests follow each other.
func eachStore(b *testing.B, run func(*testing.B, []string)) {
	near := startStore(b)
	target, err := url.Parse(variable(near, endpointVariable))
	if err != nil {
		b.Fatal(err)
	}
	relay := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
		Transport: &http.Transport{MaxIdleConnsPerHost: 200},
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(distance)
		relay.ServeHTTP(w, r) // keeps Host, which is signed
	}))
	defer proxy.Close()
	b.Run("near", func(b *testing.B) { run(b, near) })
	b.Run("far", func(b *testing.B) { run(b, append(slices.Clone(near), endpointVariable+"="+proxy.URL)) })
}

const endpointVariable = "AWS_ENDPOINT_URL_S3"

// variable returns the value of a variable, the last one if there are several.
func variable(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// createUploaded creates an import, and uploads its object if uploaded is set. The program reads it then.
func createUploaded(b *testing.B, p process, store *store, uploaded bool) (j imports.Job) {
	b.Helper()
	if err := json.Unmarshal(create(b, p, "{}"), &j); err != nil {
		b.Fatal(err)
	}
	if j.Owner = imports.Public; uploaded {
		store.send(b, http.MethodPut, j.Key(), "hello")
		send(b, http.MethodGet, p.url+"/import/"+j.ID, "", http.Header{})
	}
	return j
}

// store sends requests to the bucket of a service, by signed URLs.
type store struct {
	signer   *sigv4.Signer
	keys     sigv4.Credentials
	endpoint sigv4.Endpoint
}

func openStore(b *testing.B, env []string) *store {
	b.Helper()
	endpoint, err := sigv4.ParseEndpoint(variable(env, endpointVariable) + "/bench")
	if err != nil {
		b.Fatal(err)
	}
	return &store{sigv4.NewSigner("us-east-1"), sigv4.Credentials{
		AccessKeyID: variable(env, "AWS_ACCESS_KEY_ID"), SecretAccessKey: variable(env, "AWS_SECRET_ACCESS_KEY"),
	}, endpoint}
}

// send requires a status of 2xx, or 404 of HEAD.
func (s *store) send(b *testing.B, method, key, body string, headers ...sigv4.Header) {
	target := s.signer.Presign(s.keys, s.endpoint, sigv4.Request{
		Method: method, Key: key, Time: time.Now(), Expires: time.Minute, Headers: headers,
	})
	request, err := http.NewRequestWithContext(b.Context(), method, target.Reveal(), strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil ||
		response.StatusCode/100 != 2 && (method != http.MethodHead || response.StatusCode != http.StatusNotFound) {
		b.Errorf("%s %s: %s (%v)", method, key, response.Status, err)
	}
}
