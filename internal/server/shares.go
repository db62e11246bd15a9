package server

import (
	"net"
	"slices"
	"sync"

	"github.com/signpost-s3/signpost/internal/httpapi"
)

// shares limits the connections of each client, queued ones included.
type shares struct {
	perClient int
	exempt    []*net.IPNet // proxies: their connections are those of many clients
	onRefused func(client string)

	mu   sync.Mutex
	held map[string]int // connections, by the client's network
}

// take counts conn for its client until it is closed. It closes conn and returns nil if the client is at its limit.
func (s *shares) take(conn net.Conn) net.Conn {
	remote, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || slices.ContainsFunc(s.exempt, func(n *net.IPNet) bool { return n.Contains(remote.IP) }) {
		return conn
	}
	client := httpapi.ClientNetwork(remote.IP.String())
	if !s.add(client) {
		conn.Close()
		s.onRefused(client)
		return nil
	}
	return newConnection(conn, func() { s.remove(client) })
}

func (s *shares) add(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[client] >= s.perClient {
		return false
	}
	s.held[client]++
	return true
}

func (s *shares) remove(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[client]--; s.held[client] == 0 {
		delete(s.held, client)
	}
}
