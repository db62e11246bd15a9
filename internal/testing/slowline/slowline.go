// Package slowline forwards connections at a limited rate and with latency.
package slowline

import (
	"context"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Line forwards connections to a store. All of them share its rate, and each has its latency.
type Line struct {
	// URL is the address of the line, for clients.
	URL string

	listener net.Listener
	target   string // host:port
	limit    *rate.Limiter
	latency  time.Duration // of a round trip
	sent     atomic.Int64
}

// Start starts a line to the store at target, an http URL. It carries bytesPerSecond to the store, and any rate back.
// latency is added to each round trip.
func Start(target string, bytesPerSecond float64, latency time.Duration) (*Line, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Line{
		URL: "http://" + listener.Addr().String(), listener: listener, target: u.Host, latency: latency,
		limit: rate.NewLimiter(rate.Limit(bytesPerSecond), 128<<10),
	}
	go l.serve()
	return l, nil
}

// Sent returns the bytes that clients have sent.
func (l *Line) Sent() int64 { return l.sent.Load() }

// Close stops accepting connections. Those that are open remain.
func (l *Line) Close() error { return l.listener.Close() }

func (l *Line) serve() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		_ = client.(*net.TCPConn).SetReadBuffer(64 << 10) // otherwise it holds megabytes
		store, err := net.Dial("tcp", l.target)
		if err != nil {
			client.Close()
			continue
		}
		go forward(store, client, l.latency/2, func(n int) {
			l.sent.Add(int64(n))
			_ = l.limit.WaitN(context.Background(), n)
		})
		go forward(client, store, l.latency/2, func(int) {})
	}
}

// forward copies from one connection to the other, and closes both at the end. The bytes arrive after delay.
func forward(to, from net.Conn, delay time.Duration, passed func(n int)) {
	defer to.Close()
	defer from.Close()
	type chunk struct {
		bytes []byte
		at    time.Time // of the arrival
	}
	arriving := make(chan chunk, 1000)
	go func() {
		defer close(arriving)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			passed(n)
			arriving <- chunk{buffer[:n], time.Now().Add(delay)}
			if err != nil {
				return
			}
		}
	}()
	for c := range arriving {
		time.Sleep(time.Until(c.at))
		if _, err := to.Write(c.bytes); err != nil {
			from.Close() // ends the reader
		}
	}
}
