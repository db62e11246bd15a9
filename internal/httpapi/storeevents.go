package httpapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/signpost-s3/signpost/internal/auth"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/s3events"
)

// storeEventsPath is where a store tells what arrived in it. It is no part of the contract, whose callers are others.
const storeEventsPath = "/events/s3"

// StoreEvents is what a server does about the events of its store.
type StoreEvents struct {
	Secret          string                                      // what the store presents; empty: the server takes no events
	OnObjectCreated func(ctx context.Context, key string) error // called for each object that has arrived, up to 8 at a time; most are no imports
}

// registerStoreEvents adds the one place for stores, which the API's guard knows nothing of: it has a secret of its own.
//
// To GET and HEAD it answers everybody alike, for a store may look whether somebody is there, and not present the secret: releases of
// MinIO did so by HEAD, later ones by a connection alone (https://github.com/minio/minio/blob/master/internal/event/target/webhook.go).
func registerStoreEvents(e *echo.Echo, o StoreEvents, service *imports.Service, limit *limiter) {
	if o.Secret == "" {
		return
	}
	d := storeEventsHandler{o.OnObjectCreated, service.Bucket.Name(), sha256.Sum256([]byte(o.Secret)), limit}
	e.POST(storeEventsPath, d.handle)
	e.Match([]string{http.MethodGet, http.MethodHead}, storeEventsPath, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
}

// storeDesk receives what stores send.
type storeEventsHandler struct {
	onObjectCreated func(ctx context.Context, key string) error
	bucket          string
	secretHash      [sha256.Size]byte // its hash: two hashes are compared in the same time, however much of them is the same
	limit           *limiter
}

// take answers 204 once all of an event is done, else with an error, upon which a store sends it again.
func (d storeEventsHandler) handle(c echo.Context) error {
	if err := d.authenticate(c.(*exchange)); err != nil {
		return err
	}
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	if _, err := buffer.ReadFrom(io.LimitReader(c.Request().Body, maxBody+1)); err != nil { // an honest event is under 8 kB
		return bodyReadProblem(err)
	}
	if buffer.Len() > maxBody {
		return bodyTooLargeProblem()
	}
	arrivals, err := s3events.Parse(buffer.Bytes())
	if err != nil {
		return &problem{Status: http.StatusBadRequest, Code: "invalid-event", Detail: "The body is no event of a store: " + err.Error() + "."}
	}
	if err := s3events.Tell(c.Request().Context(), arrivals, d.bucket, d.onObjectCreated); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// known lets in whoever has the secret. Those who do not have it are counted, or trying secrets would be without a limit; those who do
// are not, for a store has as much to tell as all callers together.
func (d storeEventsHandler) authenticate(x *exchange) error {
	given := x.Request().Header["Authorization"]
	refusal := &auth.Refusal{Reason: "none", Detail: "A store presents the secret of this service: Authorization: Bearer SECRET.", Challenge: `Bearer, Basic realm="store events"`}
	if len(given) == 1 {
		if d.matches(given[0]) {
			return nil
		}
		refusal.Reason, refusal.Detail = "unknown-secret", "This is not the secret that this service has for its store. Look whether it is whole, and the same on both sides."
	}
	x.audit.recordRefusal(refusal)
	return cmp.Or(d.limit.count(x), unauthenticated(refusal))
}

// matches reports whether an Authorization is the secret, as a token, as the password of whatever user, or as it is: some stores are
// told the whole value, and of some there is no more to set than a URL, which can hold a user and a password.
func (d storeEventsHandler) matches(authorization string) bool {
	candidates := []string{authorization}
	scheme, rest, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		candidates = append(candidates, strings.TrimLeft(rest, " "))
	case strings.EqualFold(scheme, "Basic"):
		pair, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)) // what is none has no password either
		_, password, _ := strings.Cut(string(pair), ":")
		candidates = append(candidates, password)
	}
	same := 0
	for _, candidate := range candidates {
		sum := sha256.Sum256([]byte(candidate))
		same |= subtle.ConstantTimeCompare(sum[:], d.secretHash[:])
	}
	return same == 1
}

// withoutPages refuses calls of web pages to the place for stores, wherever those pages are from: no store has an Origin.
func rejectPages(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Path() == storeEventsPath && len(c.Request().Header["Origin"]) > 0 {
			return &problem{Status: http.StatusForbidden, Code: "origin-not-allowed", Detail: "This is the place for stores to tell what arrived. No page may call it."}
		}
		return next(c)
	}
}
