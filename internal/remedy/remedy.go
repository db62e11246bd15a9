// Package remedy explains errors to users of the command line: what failed, and what to do.
package remedy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/signpost-s3/signpost/internal/format"

	"github.com/signpost-s3/signpost/internal/upload"
)

// Import adds the import's id, unless err contains it, and a remedy to err.
func Import(id string, err error) error {
	if err == nil || errors.Is(err, upload.ErrInvalidID) {
		return Add(err)
	}
	return fmt.Errorf("%s: %w", format.Name(id), Add(err))
}

// Add adds to err what to do about it.
func Add(err error) error {
	if next := remedy(&upload.Error{Err: err}); next != "" {
		return fmt.Errorf("%w\n  -> %s", err, next)
	}
	return err
}

// explain returns the error, and below it what to do.
func explain(f *upload.Error) string {
	text := Line(f)
	if next := remedy(f); next != "" {
		text += "\n  -> " + next
	}
	if f.AbortErr != nil {
		text += "\n  -> " + Abort(f.ID)
	}
	return text
}

// ExplainAll returns all errors, each with what to do.
func ExplainAll(failures []*upload.Error) string {
	var lines []string
	for _, f := range failures {
		lines = append(lines, explain(f))
	}
	return strings.Join(lines, "\n")
}

// Abort returns how to remove the import that a failed upload left behind.
func Abort(id string) string { return "remove it with signpost abort " + id }

// Line returns f in one line, whatever the file's name contains.
func Line(f *upload.Error) string {
	return cmp.Or(format.Name(f.File), `""`) + strings.ReplaceAll(strings.TrimPrefix(f.Error(), f.File), "\n", "; ")
}

// remedy returns what to do about f, or "" if the error says it.
func remedy(f *upload.Error) string {
	var e *upload.ResponseError
	switch {
	case errors.Is(f, upload.ErrBusy):
		return "wait for it, or stop it: uploaded parts are kept"
	case errors.Is(f, upload.ErrChanged) && f.ID == "":
		return "no part is kept; upload the file again when it no longer changes"
	case errors.Is(f, upload.ErrChanged):
		return "upload the file again when it no longer changes"
	case errors.Is(f, upload.ErrUnsafeRequest):
		return "check --server or SIGNPOST_URL; the operator of the service checks SIGNPOST_PUBLIC_ENDPOINT"
	case errors.Is(f, upload.ErrNotOpen):
		return "run the same command again to start a new import"
	case errors.Is(f, upload.ErrInvalidResponse):
		return wrongServer
	case errors.Is(f, upload.ErrNotFromStore):
		return networkRemedy
	case errors.Is(f, syscall.ENOSPC):
		return "free space on the disk of this machine, and run the same command again"
	case errors.Is(f, upload.ErrInvalidID):
		return listRemedy
	case errors.As(f, &e) && e.Source == upload.FromService:
		return serviceRemedy(e)
	case errors.As(f, &e):
		return storeRemedy(e)
	case f.ID != "" && f.AbortErr == nil:
		return "run the same command again to resume, or signpost abort " + f.ID + " to discard it"
	}
	return ""
}

func serviceRemedy(e *upload.ResponseError) string {
	switch {
	case e.Code == "store-full" || e.Status == http.StatusInsufficientStorage:
		return storeFullRemedy
	case e.Code == "" && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden): // of API Gateway
		return credentialRemedy + ", and the path of --server, such as /prod"
	case e.Code == "scope-missing":
		return "use an API key or token with this scope"
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return credentialRemedy
	case e.Code == "import-not-found":
		return listRemedy
	case e.Code == "tls-required":
		return "begin --server or SIGNPOST_URL with https://"
	case e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed,
		e.Code == "" && e.Status < 500: // refusals of a service have a code
		return wrongServer
	case e.Status >= 500 || e.Status == 0:
		return "run the same command again to resume"
	}
	return ""
}

const credentialRemedy = "check the API key (SIGNPOST_API_KEY, --api-key-file or --api-key) or the token (--token-file)"

// wrongServer is the remedy for responses that are not from the API.
const wrongServer = "check --server or SIGNPOST_URL, also its path: there may be no Signpost API at this address"

// listRemedy is the remedy for ids of no import.
const listRemedy = "signpost list prints the ids of the imports"

// storeFullRemedy is the remedy for a full store.
const storeFullRemedy = "free space in the store, or remove other imports with signpost abort"

// networkRemedy is the remedy for responses that do not come from the store.
const networkRemedy = "check the proxy, or log in to the network in a browser; then run the same command again"

// storeFullCodes are the error codes of full stores: versitygw, MinIO and Ceph.
var storeFullCodes = []string{
	"InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded",
}

func storeRemedy(e *upload.ResponseError) string {
	switch {
	case e.Status == http.StatusInsufficientStorage || slices.Contains(storeFullCodes, e.Code):
		return storeFullRemedy
	case e.Code == "" && e.Status < 400:
		return networkRemedy
	case e.Status == http.StatusPreconditionFailed:
		return "the import is write-once and was uploaded before: check it with signpost status"
	case e.Status == http.StatusRequestEntityTooLarge || e.Code == "EntityTooLarge":
		return "the store or a proxy limits the size of requests: use a smaller --part-size"
	case e.Code == "NoSuchUpload":
		return "the upload was aborted; run the same command again to start a new one"
	case e.Code == "BadDigest" || strings.HasPrefix(e.Code, "XAmzContent"):
		return "the store received other bytes than were sent; run the same command again"
	case e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout:
		return "the store rejects the service's signed requests: run signpost doctor where the service runs"
	}
	return "run the same command again to resume"
}

// OpenError returns the error of a path that cannot be opened.
func OpenError(path string, err error) *upload.Error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &upload.Error{File: path, Step: "open", Err: err}
}
