package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/signpost-s3/signpost/gen/api"
)

var errPlainHTTP = errors.New("client sent plain HTTP to the TLS port")

// tlsPort accepts connections for TLS. A client that speaks plain HTTP instead receives a problem document with the
// https URL; net/http would answer in one line of text, and reset a client that still sends its body.
type tlsPort struct{ net.Listener }

func (l tlsPort) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsPortConn{Conn: conn}, nil
}

// tlsPortConn inspects the first byte: a method begins with a capital letter, which is no type of a TLS record (RFC
// 8446, section 5.1).
type tlsPortConn struct {
	net.Conn
	inspected bool
}

func (c *tlsPortConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.inspected || n == 0 {
		return n, err
	}
	c.inspected = true
	if p[0] < 'A' || p[0] > 'Z' {
		return n, err
	}
	c.refuse(bytes.NewReader(p[:n]))
	return 0, errPlainHTTP
}

// refuse answers the request that begins with first, and discards its body.
func (c *tlsPortConn) refuse(first io.Reader) {
	_ = c.SetDeadline(time.Now().Add(requestTimeout))
	limited := &io.LimitedReader{R: io.MultiReader(first, c.Conn), N: maxHeaderBytes}
	request, err := http.ReadRequest(bufio.NewReader(limited))
	if err != nil {
		return
	}
	path, id := request.URL.EscapedPath(), uuid.NewString()
	document, err := json.Marshal(api.Problem{
		Type: "about:blank", Title: http.StatusText(http.StatusBadRequest), Status: http.StatusBadRequest,
		Code: "tls-required", RequestID: id, Instance: &path,
		Detail: "This port serves HTTPS only, and the request came over plain HTTP. " +
			"Call https://" + request.Host + path + " instead.",
	})
	if err != nil {
		return
	}
	response := &http.Response{
		StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Request: request, Close: true,
		Header: http.Header{
			"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}, "X-Request-Id": {id},
		},
		Body: io.NopCloser(bytes.NewReader(document)), ContentLength: int64(len(document)),
	}
	if response.Write(c.Conn) == nil {
		limited.N = maxDiscard
		_, _ = io.Copy(io.Discard, request.Body)
	}
}
