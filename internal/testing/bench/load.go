package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// slice is how long one side is measured before the other one.
const slice = time.Second

// sample is the result of a slice.
type sample struct {
	perSecond float64
	cpu       float64 // of the server, in microseconds per request
	p99       float64 // milliseconds
}

// generator sends the same request over open connections. It parses as little of a response as possible, to leave the
// CPU to the server.
type generator struct {
	request []byte
	conns   []net.Conn
}

func newGenerator(url, body string, n int) (*generator, error) {
	host := strings.TrimPrefix(url, "http://")
	request := "POST /import HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nContent-Length: " + strconv.Itoa(
		len(body),
	) + "\r\n"
	if body != "" {
		request += "Content-Type: application/json\r\n"
	}
	g := &generator{request: []byte(request + "\r\n" + body)}
	for range n {
		c, err := net.Dial("tcp", host)
		if err != nil {
			g.close()
			return nil, err
		}
		g.conns = append(g.conns, c)
	}
	return g, nil
}

func (g *generator) close() {
	for _, c := range g.conns {
		c.Close()
	}
}

// run loads p for d, or until each connection has received most responses.
func (g *generator) run(ctx context.Context, p process, d time.Duration, most int) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var wg sync.WaitGroup
	start := time.Now()
	for _, c := range g.conns {
		wg.Go(func() {
			mine, err := g.converse(ctx, c, start.Add(d), most)
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, mine...), errors.Join(failed, err)
		})
	}
	wg.Wait()
	passed := time.Since(start)
	after, err := p.cpu()
	if err = errors.Join(failed, err); err != nil {
		return sample{}, err
	}
	slices.Sort(took)
	return sample{
		perSecond: float64(len(took)) / passed.Seconds(),
		cpu:       float64((after - before).Microseconds()) / float64(len(took)),
		p99:       float64(took[len(took)*99/100].Microseconds()) / 1000,
	}, nil
}

// converse sends requests until the deadline, and returns the duration of each.
func (g *generator) converse(ctx context.Context, c net.Conn, deadline time.Time, most int) ([]time.Duration, error) {
	var took []time.Duration
	answers := bufio.NewReaderSize(c, 8<<10)
	for sent := time.Now(); sent.Before(deadline) && ctx.Err() == nil && len(took) < most; {
		if _, err := c.Write(g.request); err != nil {
			return took, err
		}
		if err := skipAnswer(answers); err != nil {
			return took, err
		}
		now := time.Now()
		took = append(took, now.Sub(sent))
		sent = now
	}
	return took, nil
}

// skipAnswer reads one response with a Content-Length. Its status must be 200.
func skipAnswer(r *bufio.Reader) error {
	length, first := 0, true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch line = bytes.TrimRight(line, "\r\n"); {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")):
			return fmt.Errorf("answered %s", line)
		case len(line) == 0:
			_, err := io.CopyN(io.Discard, r, int64(length))
			return err
		case len(line) > 16 && bytes.EqualFold(line[:16], []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(line[16:])); err != nil {
				return err
			}
		}
		first = false
	}
}
