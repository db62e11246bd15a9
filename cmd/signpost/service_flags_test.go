package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConnectionsToServiceAreKept has 64 requests in progress at a time, twice, and counts the connections.
func TestConnectionsToServiceAreKept(t *testing.T) {
	const requests = 64
	var arrived sync.WaitGroup
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusNoContent)
	}))
	var connections atomic.Int32
	service.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	service.Start()
	defer service.Close()
	client := &http.Client{Transport: apiTransport(requests)}
	defer client.CloseIdleConnections()
	for range 2 {
		arrived.Add(requests)
		var group sync.WaitGroup
		for range requests {
			group.Go(func() {
				response, err := client.Get(service.URL)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
			})
		}
		group.Wait()
	}
	if n := connections.Load(); n != requests {
		t.Errorf("twice %d requests at a time: got %d connections, want %d", requests, n, requests)
	}
}

// TestUnknownHostRemedy: a host name that does not resolve is not answered with the advice to start a service.
func TestUnknownHostRemedy(t *testing.T) {
	err := &url.Error{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "imports.example"}}}
	if got := connectionRemedy(err); !strings.Contains(got, "check the host name") {
		t.Errorf("got %q, want the advice to check the host name", got)
	}
}
