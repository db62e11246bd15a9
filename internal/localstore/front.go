package localstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

// limits are the time limits for clients. The API has the same limits for headers and idle connections
// (internal/server).
type limits struct {
	Header time.Duration // for the header of a request
	Idle   time.Duration // between two requests of a connection
	Body   time.Duration // for the next bytes of a body or download, whose total time is not limited
}

var defaultLimits = limits{Header: 10 * time.Second, Idle: 2 * time.Minute, Body: time.Minute}

// maxHeaderBytes is S3's limit on the header of a request.
const maxHeaderBytes = 8 << 10

// front is the HTTP server of the store. versitygw's own server has no time limits, and writes forms to temporary
// files before it calls a handler; neither can be configured. So front calls versitygw's handler in this process,
// with bodies that are read on demand.
type front struct {
	versitygw fasthttp.RequestHandler
	forms     forms
	traffic   *traffic
	limits    limits
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func (f *front) server() *http.Server {
	return &http.Server{
		Handler:           f,
		ReadHeaderTimeout: f.limits.Header,
		IdleTimeout:       f.limits.Idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(os.Stderr, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := f.call(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	f.writeResponse(w, r, response)
}

// call returns versitygw's response, or an error for requests that versitygw must not receive. The response is
// written after the request has left traffic, so a slow reader does not affect what is stored.
func (f *front) call(w http.ResponseWriter, r *http.Request) (*fasthttp.Response, error) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	if !f.traffic.enter() {
		w.Header().Set("Connection", "close")
		return nil, s3err.GetAPIError(s3err.ErrSlowDown)
	}
	defer f.traffic.exit()
	body := newBody(w, r, f.limits.Body)
	ctx, err := newRequest(r, requestConn{conn, body})
	if err != nil {
		return nil, err
	}
	if err := f.setBody(w, r, &ctx.Request, body); err != nil {
		return nil, err
	}
	f.versitygw(ctx)
	return &ctx.Response, nil
}

// setBody sets the request's body.
func (f *front) setBody(w http.ResponseWriter, r *http.Request, req *fasthttp.Request, body *body) error {
	switch route := routeOf(req); {
	case route == postForm:
		form, length, err := f.forms.open(r, body)
		if err != nil {
			return err
		}
		req.SetBodyStream(form, int(length))
		return nil
	case r.ContentLength == 0:
		return nil
	case route == buffered:
		if r.ContentLength > maxBuffered {
			return errTooLong
		}
		body.reader = http.MaxBytesReader(w, r.Body, maxBuffered)
	}
	req.SetBodyStream(body, int(r.ContentLength))
	return nil
}

// newRequest returns the request for versitygw, without its body.
func newRequest(r *http.Request, conn net.Conn) (*fasthttp.RequestCtx, error) {
	var head bytes.Buffer
	// The URI is passed on byte for byte, because the signature depends on each.
	fmt.Fprintf(&head, "%s %s %s\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Proto, r.Host)
	if r.ContentLength < 0 {
		head.WriteString("Transfer-Encoding: chunked\r\n")
	}
	if err := r.Header.Write(&head); err != nil {
		return nil, err
	}
	head.WriteString("\r\n")
	ctx := &fasthttp.RequestCtx{}
	ctx.Init2(conn, nil, true)
	// Headers are parsed, not set: versitygw reads metadata from the unparsed header.
	if err := ctx.Request.Header.Read(bufio.NewReaderSize(&head, head.Len())); err != nil {
		return nil, s3err.GetAPIError(s3err.ErrCannotParseHTTPRequest)
	}
	return ctx, nil
}

// writeResponse writes the response as fasthttp's server does.
func (f *front) writeResponse(w http.ResponseWriter, r *http.Request, response *fasthttp.Response) {
	defer response.CloseBodyStream() //nolint:errcheck // a file that was only read
	header := w.Header()
	header["Content-Type"] = nil // stops net/http from guessing
	response.Header.SetNoDefaultContentType(true)
	for name, value := range response.Header.All() {
		addHeader(header, string(name), string(value))
	}
	stream := response.BodyStream()
	if stream == nil && len(response.Body()) > 0 {
		header.Set("Content-Length", strconv.Itoa(len(response.Body())))
		stream = bytes.NewReader(response.Body())
	}
	w.WriteHeader(response.StatusCode())
	if stream != nil && r.Method != http.MethodHead {
		copyPaced(w, r, stream, f.limits.Body)
	}
}

// copyPaced writes body. It closes the connection if the client receives nothing for pause.
func copyPaced(w http.ResponseWriter, r *http.Request, body io.Reader, pause time.Duration) {
	paced := pacedWriter{w, http.NewResponseController(w), pause}
	if r.ContentLength != 0 {
		_ = paced.control.Flush() // net/http first discards the rest of the request's body, which may also take pause
	}
	if _, err := io.Copy(paced, struct{ io.Reader }{body}); err == nil { // without WriteTo: in writes of 32 KiB
		_ = paced.control.Flush()
	}
	_ = paced.control.SetWriteDeadline(time.Time{}) // it would also apply to the next response
}

// pacedWriter limits the time of each write.
type pacedWriter struct {
	w       io.Writer
	control *http.ResponseController
	pause   time.Duration
}

func (p pacedWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.pause))
	return p.w.Write(b)
}

// addHeader adds a header in versitygw's spelling: clients such as boto3 show the names of metadata unchanged.
// versitygw sets the request ids twice, canonical and in S3's spelling; the latter replaces the former.
func addHeader(header http.Header, name, value string) {
	if canonical := http.CanonicalHeaderKey(name); canonical != name {
		header.Del(canonical)
	}
	header[name] = append(header[name], value)
}

// writeError writes an error as S3 does. Unknown errors are InternalError.
func writeError(w http.ResponseWriter, err error) {
	var known s3err.S3Error
	if !errors.As(err, &known) {
		known = s3err.GetAPIError(s3err.ErrInternalError)
	}
	request, host := utils.NewS3RequestID(), utils.NewS3HostID()
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set(utils.HeaderAmzRequestID, request)
	w.Header().Set(utils.HeaderAmzID2, host)
	w.WriteHeader(known.StatusCode())
	_, _ = w.Write(known.XMLBody(request, host))
}
