package server

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Limits on discarding the rest of a request body after an early response. They also limit clients that send slowly on
// purpose.
const (
	// maxDiscard is the number of bytes that are discarded.
	maxDiscard = 64 << 20
	// discardPause is the time in which the client must send something.
	discardPause = 5 * time.Second
	// stopTimeout replaces requestTimeout while the service stops, so that discarding does not delay the stop.
	stopTimeout = 2 * time.Second
)

// serveEarly calls handler. If the response is written before the request body was read to its end, serveEarly sends
// the response at once, then reads and discards the rest of the body. A client that sends its whole request before it
// reads would otherwise receive a connection reset instead of the response: net/http discards at most 256 KiB, and a
// socket that is closed with unread data is reset.
//
// net/http decides whether the connection stays open, adds Connection: close if not, and sends no 100 Continue after
// the response. HTTP/2 needs none of this: it resets the stream alone, after the response.
func serveEarly(handler http.Handler, w http.ResponseWriter, r *http.Request, stopping func() bool) {
	if r.Body == http.NoBody || r.ProtoMajor != 1 {
		handler.ServeHTTP(w, r)
		return
	}
	start, body := time.Now(), &trackedBody{ReadCloser: r.Body}
	tracked := r.WithContext(r.Context()) // net/http requires that its own request keeps its body
	tracked.Body = body
	early := &earlyWriter{ResponseWriter: w, body: body}
	handler.ServeHTTP(early, tracked)
	early.send()
	if body.ended {
		return
	}
	control := http.NewResponseController(w)
	if control.Flush() != nil {
		return
	}
	buffer := make([]byte, 32<<10)
	for left := maxDiscard; left > 0; {
		limit := requestTimeout
		if stopping() {
			limit = stopTimeout
		}
		_ = control.SetReadDeadline(time.Now().Add(min(limit-time.Since(start), discardPause)))
		n, err := r.Body.Read(buffer)
		if err != nil {
			return
		}
		left -= n
	}
}

// trackedBody records whether a request body was read to its end, or to an error.
type trackedBody struct {
	io.ReadCloser
	ended bool
}

func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err != nil
	return n, err
}

// earlyWriter holds back a response that begins before the request body was read to its end. Held back whole, its
// length is known, so that the client receives all of it while the body is discarded. Any other response passes
// through.
type earlyWriter struct {
	http.ResponseWriter
	body   *trackedBody
	status int // 0: nothing is held back
	held   bytes.Buffer
}

func (w *earlyWriter) WriteHeader(status int) {
	switch {
	case w.status != 0: // superfluous
	case w.body.ended || status < http.StatusOK:
		w.ResponseWriter.WriteHeader(status)
	default:
		w.status = status
	}
}

func (w *earlyWriter) Write(p []byte) (int, error) {
	if w.status == 0 && w.body.ended {
		return w.ResponseWriter.Write(p)
	}
	w.WriteHeader(http.StatusOK)
	return w.held.Write(p)
}

// send writes what was held back.
func (w *earlyWriter) send() {
	if w.status == 0 {
		return
	}
	if h := w.Header(); w.held.Len() > 0 && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(w.held.Len()))
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.held.WriteTo(w.ResponseWriter) // a client that is gone needs no response
}
