package storetest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Line is a TCP proxy for the bucket that a test can close and reopen.
type Line struct {
	AWS aws.Config // Target's, through the proxy

	t     testing.TB
	addr  string // the proxy's
	store string // the store's

	mu    sync.Mutex
	port  net.Listener // nil while closed
	conns map[net.Conn]struct{}
}

// Cut returns an open Line to the bucket. The store must use plain HTTP.
func Cut(t testing.TB) *Line {
	t.Helper()
	target := Open(t)
	endpoint, err := url.Parse(aws.ToString(target.AWS.BaseEndpoint))
	if err != nil || endpoint.Scheme != "http" {
		t.Skipf(
			"the store at %q does not speak plain HTTP, so its line cannot be cut from here",
			aws.ToString(target.AWS.BaseEndpoint),
		)
	}
	l := &Line{t: t, addr: "127.0.0.1:0", store: endpoint.Host, conns: map[net.Conn]struct{}{}}
	l.Up()
	t.Cleanup(l.Down)
	l.AWS = target.AWS.Copy()
	l.AWS.BaseEndpoint = aws.String("http://" + l.addr)
	return l
}

// Up accepts connections.
func (l *Line) Up() {
	port, err := net.Listen("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.addr, l.port = port.Addr().String(), port
	l.mu.Unlock()
	go func() {
		for {
			client, err := port.Accept()
			if err != nil {
				return
			}
			go l.carry(client)
		}
	}()
}

// Down closes all connections and rejects new ones.
func (l *Line) Down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port != nil {
		l.port.Close()
		l.port = nil
	}
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

// carry copies bytes both ways until either side ends.
func (l *Line) carry(client net.Conn) {
	defer client.Close()
	store, err := net.Dial("tcp", l.store)
	if err != nil {
		return
	}
	defer store.Close()
	l.mu.Lock()
	down := l.port == nil
	l.conns[client], l.conns[store] = struct{}{}, struct{}{}
	l.mu.Unlock()
	if down {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, store}, {store, client}} {
		go func() {
			io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}
