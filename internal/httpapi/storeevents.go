package httpapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/s3events"
)

// storeEventsPath receives object-created notifications of the store. It is not part of the OpenAPI document, which
// is for clients.
const storeEventsPath = "/events/s3"

// StoreEvents configures the receiver of object-created notifications.
type StoreEvents struct {
	// Secret is what the store presents. If it is empty, the server receives no notifications.
	Secret string
	// OnObjectCreated is called for each created object, up to 8 at a time. Most are not imports.
	OnObjectCreated func(ctx context.Context, key string) error
}

// registerStoreEvents adds the route for stores. Their secret is independent of the API's authentication.
//
// GET and HEAD need no secret: a store may probe the address without it. Releases of MinIO do so by HEAD, later ones
// by a TCP connection (https://github.com/minio/minio/blob/master/internal/event/target/webhook.go).
func registerStoreEvents(e *echo.Echo, o StoreEvents, service *imports.Service, limit *limiter) {
	if o.Secret == "" {
		return
	}
	h := storeEventsHandler{o.OnObjectCreated, service.Bucket.Name(), sha256.Sum256([]byte(o.Secret)), limit}
	e.POST(storeEventsPath, h.handle)
	probe := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	e.Match([]string{http.MethodGet, http.MethodHead}, storeEventsPath, probe)
}

// storeEventsHandler receives object-created notifications.
type storeEventsHandler struct {
	onObjectCreated func(ctx context.Context, key string) error
	bucket          string
	secretHash      [sha256.Size]byte // comparing hashes takes the same time for all secrets
	limit           *limiter
}

// handle answers 204 once all notifications of the body are processed. After an error, the store sends them again.
func (h storeEventsHandler) handle(c echo.Context) error {
	x := c.(*exchange)
	if err := h.authenticate(x); err != nil {
		return err
	}
	body, err := readBody(x.Request()) // a legitimate notification is under 8 kB
	if err != nil {
		return err
	}
	objects, err := s3events.Parse(body)
	if err != nil {
		return newProblem(http.StatusBadRequest, "invalid-event", "The body is not a notification of a store: "+err.Error()+
			". Check the notification settings of the store.")
	}
	if err := s3events.HandleEach(x.context(), objects, h.bucket, h.onObjectCreated); err != nil {
		return err
	}
	return x.NoContent(http.StatusNoContent)
}

// authenticate checks the secret. Rejected requests count against the rate limit, so that secrets cannot be guessed
// without limit. Accepted ones do not: a store sends as many notifications as all clients together send requests.
func (h storeEventsHandler) authenticate(x *exchange) error {
	given := x.Request().Header["Authorization"]
	refusal := &auth.Error{
		Reason:    "none",
		Detail:    "This path requires the secret of the store. Send it as Authorization: Bearer SECRET.",
		Challenge: `Bearer, Basic realm="store events"`,
	}
	if len(given) == 1 {
		if h.matches(given[0]) {
			return nil
		}
		refusal.Reason = "unknown-secret"
		refusal.Detail = "The secret is wrong. Configure the same secret in the store and in this service."
	}
	x.audit.recordRefusal(refusal)
	return cmp.Or(h.limit.count(x), unauthenticated(refusal))
}

// matches reports whether an Authorization is the secret: as a bearer token, as the password of any user, or as the
// whole value. Some stores are configured with the whole value, others with a URL, which can contain a user and a
// password.
func (h storeEventsHandler) matches(authorization string) bool {
	candidates := []string{authorization}
	scheme, rest, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		candidates = append(candidates, strings.TrimLeft(rest, " "))
	case strings.EqualFold(scheme, "Basic"):
		pair, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)) // invalid: no password
		_, password, _ := strings.Cut(string(pair), ":")
		candidates = append(candidates, password)
	}
	same := 0
	for _, candidate := range candidates {
		sum := sha256.Sum256([]byte(candidate))
		same |= subtle.ConstantTimeCompare(sum[:], h.secretHash[:])
	}
	return same == 1
}
