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

// interruption is the end by a signal.
type interruption struct{ text string }

func (i interruption) Error() string { return i.text }

// stopped is err, or an interruption where the user has asked for the end.
func asInterruption(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return interruption{"interrupted"}
	}
	return err
}

// about is err as it concerns an import.
func importError(id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", displayName(id), withRemedy(err))
}

// remoteError is err, with what to do about it.
func withRemedy(err error) error {
	if next := remedy(&engine.Error{Err: err}); next != "" {
		return fmt.Errorf("%w\n  -> %s", err, next)
	}
	return err
}

// codeOf is the stable name of an answer that said no.
func errorCode(err error) string {
	var said *engine.ResponseError
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}

// explain is what failed, and below it what to do.
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

// removal is how to remove the import that a failed upload left behind.
func abortHint(id string) string { return "signpost abort " + id + " removes what remains of it" }

// reason is f in one line that a file's name cannot break.
func oneLineError(f *engine.Error) string {
	return displayName(f.File) + strings.ReplaceAll(strings.TrimPrefix(f.Error(), f.File), "\n", "; ")
}

// remedy is what to do about f, or empty where its own words say it.
func remedy(f *engine.Error) string {
	var said *engine.ResponseError
	switch {
	case errors.Is(f, engine.ErrBusy):
		return "wait until it is done, or stop it: what it has sent is kept"
	case errors.Is(f, engine.ErrChanged) && f.ID == "":
		return "nothing of it is kept; upload it again when nothing writes to it any more"
	case errors.Is(f, engine.ErrChanged):
		return "upload it again when nothing writes to it any more"
	case errors.As(f, new(*engine.UnsafeRequestError)):
		return "check --server or SIGNPOST_URL; the operator of the service checks SIGNPOST_PUBLIC_ENDPOINT"
	case errors.As(f, &said) && said.Source == engine.FromService:
		return serviceRemedy(said)
	case errors.As(f, &said):
		return storeRemedy(said)
	case f.ID != "" && f.AbortErr == nil:
		return "give the same command again to go on, or signpost abort " + f.ID + " to give it up"
	}
	return ""
}

func serviceRemedy(said *engine.ResponseError) string {
	switch {
	case said.Code == "store-full":
		return storeFullRemedy
	case said.Status == http.StatusUnauthorized || said.Status == http.StatusForbidden:
		return "look at the API key (SIGNPOST_API_KEY, --api-key-file or --api-key) or the token (--token-file)"
	case said.Code == "import-not-found":
		return "signpost list tells which imports there are"
	case said.Status == http.StatusNotFound || said.Code == "" && said.Status < 500: // refusals of a service have a code
		return "look at --server or SIGNPOST_URL: there may be no Signpost service at this address"
	case said.Status >= 500 || said.Status == 0:
		return "give the same command again to go on"
	}
	return ""
}

// storeFullRemedy is what to do about a store without space.
const storeFullRemedy = "free space in the store, or remove imports with signpost abort; " +
	"then give the same command again to go on"

// storeFullCodes are those with which stores say that they have no space: versitygw, MinIO and Ceph.
var storeFullCodes = []string{
	"InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded",
}

func storeRemedy(said *engine.ResponseError) string {
	switch {
	case said.Status == http.StatusInsufficientStorage || slices.Contains(storeFullCodes, said.Code):
		return storeFullRemedy
	case said.Status == http.StatusPreconditionFailed:
		return "it was uploaded before and is write-once: signpost status tells of it"
	case said.Code == "NoSuchUpload":
		return "somebody aborted it; give the same command again to begin anew"
	case said.Code == "BadDigest" || strings.HasPrefix(said.Code, "XAmzContent"):
		return "what arrived is not what was read; give the same command again"
	case said.Status < 500 && said.Status != http.StatusTooManyRequests && said.Status != http.StatusRequestTimeout:
		return "the store refuses what the service signed: signpost doctor, run where the service runs, tells what the bucket lacks"
	}
	return "give the same command again to go on"
}
