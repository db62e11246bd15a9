package main

import (
	"bufio"
	"bytes"
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
)

// trackedBody is the body of a typical tracked import.
const trackedBody = `{"filename":"report.csv","content_type":"text/csv","size":1048576}`

// BenchmarkBare compares the program, with its log, with Echo and a constant response of the same size: with the
// middleware that any service needs, and without any. Each server has one processor.
func BenchmarkBare(b *testing.B) {
	besideEcho(b, startService(b, append(startStore(b), oneProcessor)), "", "middleware", "echo")
}

// BenchmarkTracked does the same for tracked imports on a store in memory.
func BenchmarkTracked(b *testing.B) {
	besideEcho(b, startChild(b, "memory", oneProcessor), trackedBody, "echo")
}

const oneProcessor = "GOMAXPROCS=1"

// besideEcho measures p and those kinds of servers of this program, in turn.
func besideEcho(b *testing.B, p process, body string, kinds ...string) {
	size := "BENCH_BODY=" + strconv.Itoa(len(create(b, p, body)))
	measure(b, "signpost", p, body)
	for _, kind := range kinds {
		measure(b, kind, startChild(b, kind, size, oneProcessor), body)
	}
}

func measure(b *testing.B, name string, p process, body string) {
	b.Run(name, func(b *testing.B) {
		before := p.cpu(b)
		took := load(b, p, body, 64)
		b.ReportMetric(float64(p.cpu(b)-before)/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
	})
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

// request reads no more of the header than it needs: http.ReadResponse would use as much time as the measured server.
func (c connection) request() {
	if _, err := c.Write(c.message); err != nil {
		panic(err)
	}
	if status := c.line(); !bytes.HasPrefix(status, []byte("HTTP/1.1 2")) {
		panic(string(status))
	}
	length := -1
	for {
		line := c.line()
		if len(line) == 0 {
			break
		}
		if digits, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(digits))
		}
	}
	if length < 0 {
		panic("a response has no Content-Length")
	}
	if _, err := c.answers.Discard(length); err != nil {
		panic(err)
	}
}

func (c connection) line() []byte {
	line, err := c.answers.ReadSlice('\n')
	if err != nil {
		panic(err)
	}
	return bytes.TrimRight(line, "\r\n")
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
