package localstore

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3err"
)

// maxBuffered limits the bodies that versitygw reads into memory, in bytes. The longest legitimate one completes an
// upload of 10,000 parts with their checksums, in about 2 MB.
const maxBuffered = 4 << 20

var (
	errTooLong = s3err.GetMaxMessageLengthExceeded(maxBuffered)
	// errStalled is S3's error for clients that send nothing for a while.
	errStalled = s3err.APIError{
		Code: "RequestTimeout",
		Description: "Your socket connection to the server was not read from or written to " +
			"within the timeout period.",
		HTTPStatusCode: http.StatusBadRequest,
	}
)

// route is how versitygw processes the body of a request.
type route int

const (
	buffered route = iota // reads it into memory
	streamed              // stores it while it reads it, as an object or part
	postForm              // stores the file in it
)

// subresources are the queries of PUT requests to an object whose body is not its content.
var subresources = []string{"acl", "legal-hold", "retention", "tagging"}

// routeOf decides like versitygw's router, with the same parsers.
func routeOf(req *fasthttp.Request) route {
	path, err := url.PathUnescape(string(req.URI().PathOriginal()))
	if err != nil {
		return buffered // versitygw returns S3's error
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	copies, has := len(req.Header.Peek("X-Amz-Copy-Source")) > 0, req.URI().QueryArgs().Has
	switch method := string(req.Header.Method()); {
	case method == http.MethodPut && key != "" && !copies && !slices.ContainsFunc(subresources, has):
		return streamed
	case method == http.MethodPost && key == "" && !has("delete"):
		if kind, _, _ := mime.ParseMediaType(string(req.Header.ContentType())); kind == "multipart/form-data" {
			return postForm
		}
	}
	return buffered
}

// body is the body of a request. It returns S3's errors, which versitygw sends to the client.
type body struct {
	reader  io.Reader
	control *http.ResponseController
	pause   time.Duration // limits.Body
	refused bool          // versitygw has refused the request
}

func newBody(w http.ResponseWriter, r *http.Request, pause time.Duration) *body {
	b := &body{reader: r.Body, control: http.NewResponseController(w), pause: pause}
	if r.ContentLength != 0 {
		b.extend() // also for net/http, which discards the rest of a short body before it sends the response
	}
	return b
}

// extend extends the client's time to send more.
func (b *body) extend() { _ = b.control.SetReadDeadline(time.Now().Add(b.pause)) }

func (b *body) Read(p []byte) (int, error) {
	if b.refused {
		return 0, io.EOF
	}
	b.extend()
	n, err := b.reader.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		_ = b.control.SetReadDeadline(time.Time{}) // otherwise it ends the connection during the request
	case errors.As(err, new(*http.MaxBytesError)):
		err = errTooLong
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errStalled
	default:
		err = s3err.GetAPIError(s3err.ErrIncompleteBody)
	}
	return n, err
}

// requestConn is the connection of a request, for versitygw.
type requestConn struct {
	net.Conn
	body *body
}

// SetReadDeadline ends the body. versitygw calls it only to discard the rest of a body after it has rejected the
// request (middlewares.DrainRequestBody). That is left to net/http, which does not ask clients for a body that they
// have not begun to send.
func (c requestConn) SetReadDeadline(time.Time) error {
	c.body.refused = true
	return nil
}
