package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

// interruption reports that a signal ended the command.
type interruption struct{ text string }

func (i interruption) Error() string { return i.text }

// asInterruption returns err, or an interruption if ctx ended.
func asInterruption(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return interruption{"interrupted"}
	}
	return err
}

// importError adds the import's id and a remedy to err.
func importError(id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", displayName(id), withRemedy(err))
}

// withRemedy adds to err what to do about it.
func withRemedy(err error) error {
	if next := remedy(&engine.Error{Err: err}); next != "" {
		return fmt.Errorf("%w\n  -> %s", err, next)
	}
	return err
}

// errorCode returns the code of an error response, or "".
func errorCode(err error) string {
	var e *engine.ResponseError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// explain returns the error, and below it what to do.
func explain(f *engine.Error) string {
	text := oneLineError(f)
	if next := remedy(f); next != "" {
		text += "\n  -> " + next
	}
	if f.AbortErr != nil {
		text += "\n  -> " + abortHint(f.ID)
	}
	return text
}

// abortHint returns how to remove the import that a failed upload left behind.
func abortHint(id string) string { return "remove it with signpost abort " + id }

// oneLineError returns f in one line, whatever the file's name contains.
func oneLineError(f *engine.Error) string {
	return displayName(f.File) + strings.ReplaceAll(strings.TrimPrefix(f.Error(), f.File), "\n", "; ")
}

// remedy returns what to do about f, or "" if the error says it.
func remedy(f *engine.Error) string {
	var e *engine.ResponseError
	switch {
	case errors.Is(f, engine.ErrBusy):
		return "wait for it, or stop it: uploaded parts are kept"
	case errors.Is(f, engine.ErrChanged) && f.ID == "":
		return "no part is kept; upload the file again when it no longer changes"
	case errors.Is(f, engine.ErrChanged):
		return "upload the file again when it no longer changes"
	case errors.Is(f, engine.ErrUnsafeRequest):
		return "check --server or SIGNPOST_URL; the operator of the service checks SIGNPOST_PUBLIC_ENDPOINT"
	case errors.As(f, &e) && e.Source == engine.FromService:
		return serviceRemedy(e)
	case errors.As(f, &e):
		return storeRemedy(e)
	case f.ID != "" && f.AbortErr == nil:
		return "run the same command again to resume, or signpost abort " + f.ID + " to discard it"
	}
	return ""
}

func serviceRemedy(e *engine.ResponseError) string {
	switch {
	case e.Code == "store-full":
		return storeFullRemedy
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return "check the API key (SIGNPOST_API_KEY, --api-key-file or --api-key) or the token (--token-file)"
	case e.Code == "import-not-found":
		return "signpost list prints the existing imports"
	case e.Status == http.StatusNotFound || e.Code == "" && e.Status < 500: // refusals of a service have a code
		return "check --server or SIGNPOST_URL: there may be no Signpost service at this address"
	case e.Status >= 500 || e.Status == 0:
		return "run the same command again to resume"
	}
	return ""
}

// storeFullRemedy is the remedy for a full store.
const storeFullRemedy = "free space in the store, or remove imports with signpost abort; " +
	"then run the same command again to resume"

// storeFullCodes are the error codes of full stores: versitygw, MinIO and Ceph.
var storeFullCodes = []string{
	"InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded",
}

func storeRemedy(e *engine.ResponseError) string {
	switch {
	case e.Status == http.StatusInsufficientStorage || slices.Contains(storeFullCodes, e.Code):
		return storeFullRemedy
	case e.Status == http.StatusPreconditionFailed:
		return "the import is write-once and was uploaded before: check it with signpost status"
	case e.Code == "NoSuchUpload":
		return "the upload was aborted; run the same command again to start a new one"
	case e.Code == "BadDigest" || strings.HasPrefix(e.Code, "XAmzContent"):
		return "the store received other bytes than were sent; run the same command again"
	case e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout:
		return "the store rejects the service's signed requests: run signpost doctor where the service runs"
	}
	return "run the same command again to resume"
}
