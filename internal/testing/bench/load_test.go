package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/internal/sigv4"
)

// trackedBody is the body of a typical tracked import.
const trackedBody = `{"filename":"report.csv","content_type":"text/csv","size":1048576}`

// BenchmarkBare compares the program, with its log, with Echo and a constant response of the same size.
func BenchmarkBare(b *testing.B) { besideEcho(b, startService(b, startStore(b)), "") }

// BenchmarkTracked does the same for tracked imports on a store in memory.
func BenchmarkTracked(b *testing.B) { besideEcho(b, startChild(b, "memory"), trackedBody) }

func besideEcho(b *testing.B, ours process, body string) {
	echo := startChild(b, strconv.Itoa(len(create(b, ours, body))))
	for name, p := range map[string]process{"signpost": ours, "echo": echo} {
		b.Run(name, func(b *testing.B) {
			before := p.cpu(b)
			took := load(b, p, body, 64)
			b.ReportMetric(float64(p.cpu(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
		})
	}
}

// BenchmarkMemory sends 5 × b.N requests over 256 connections.
func BenchmarkMemory(b *testing.B) {
	p := startService(b, startStore(b))
	load(b, p, "", 256)
	first := p.memory(b, "VmRSS")
	for range 4 {
		load(b, p, "", 256)
	}
	b.ReportMetric(p.memory(b, "VmHWM"), "peak-MiB")
	b.ReportMetric(p.memory(b, "VmRSS")/first, "growth")
}

// load sends b.N requests over n connections, and returns their sorted durations.
func load(b *testing.B, p process, body string, n int) (took []time.Duration) {
	b.SetParallelism(max(1, n/runtime.GOMAXPROCS(0)))
	var mu sync.Mutex
	b.RunParallel(func(more *testing.PB) {
		c := dial(p, body)
		defer c.Close()
		var own []time.Duration
		for sent := time.Now(); more.Next(); sent = time.Now() {
			c.request()
			own = append(own, time.Since(sent))
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, own...)
	})
	slices.Sort(took)
	return took
}

// connection repeats a request. It panics on errors, because goroutines of a benchmark must not call b.Fatal.
type connection struct {
	net.Conn
	message []byte
	answers *bufio.Reader
}

func dial(p process, body string) connection {
	host := strings.TrimPrefix(p.url, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		panic(err)
	}
	message := fmt.Sprintf("POST /import HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", host, len(body))
	if body != "" {
		message += "Content-Type: application/json\r\n"
	}
	return connection{c, []byte(message + "\r\n" + body), bufio.NewReader(c)}
}

func (c connection) request() {
	if _, err := c.Write(c.message); err != nil {
		panic(err)
	}
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil || response.StatusCode/100 != 2 {
		panic(fmt.Sprint(response, err))
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		panic(err)
	}
}

// create creates an import and returns the response's body.
func create(b testing.TB, p process, body string) []byte {
	return send(b, http.MethodPost, p.url+"/import", body, http.Header{"Content-Type": {"application/json"}})
}

// send sends a request, whose response must have a status of 2xx, and returns the response's body.
func send(b testing.TB, method, url, body string, header http.Header) []byte {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if request.Header = header; body == "" {
		request.Header.Del("Content-Type")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		b.Fatalf("%s: %s %s (%v)", method, response.Status, text, err)
	}
	return text
}

// BenchmarkCreate compares creating imports, one after the other, by the program on the local store, with writing
// records of the same size to that store by signed URLs.
func BenchmarkCreate(b *testing.B) {
	env := startStore(b)
	p := startService(b, env)
	b.Run("signpost", func(b *testing.B) {
		for b.Loop() {
			create(b, p, trackedBody)
		}
	})
	b.Run("put", func(b *testing.B) {
		endpoint, err := sigv4.ParseEndpoint(variable(env, "AWS_ENDPOINT_URL_S3") + "/bench")
		if err != nil {
			b.Fatal(err)
		}
		signer, record := sigv4.NewSigner("us-east-1"), strings.Repeat("x", 300)
		keys := sigv4.Credentials{
			AccessKeyID: variable(env, "AWS_ACCESS_KEY_ID"), SecretAccessKey: variable(env, "AWS_SECRET_ACCESS_KEY"),
		}
		for b.Loop() {
			url := signer.Presign(keys, endpoint, sigv4.Request{
				Method: "PUT", Key: "jobs/bench/" + uuid.NewString() + ".json", Time: time.Now(), Expires: time.Minute,
				Headers: []sigv4.Header{{Name: "if-none-match", Value: "*"}},
			})
			send(b, http.MethodPut, url.Reveal(), record, http.Header{"If-None-Match": {"*"}})
		}
	})
}

func variable(env []string, name string) string {
	i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return env[i][len(name)+1:]
}
