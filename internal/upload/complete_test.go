package upload

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompleteFails: a completion with status 500 or 507 is not retried, because the store would copy all parts again.
func TestCompleteFails(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusInsufficientStorage} {
		w := start(t)
		path := file(t, content(11*mib, 5))
		completions := 0
		w.useProxies(t, nil, func(x exchange) bool {
			if filepath.Base(x.r.URL.Path) != "complete" {
				return false
			}
			completions++
			x.w.WriteHeader(status)
			return true
		})
		_, err := w.File(t.Context(), path, Options{Checksum: CRC64NVME, PartSize: 5 * mib})
		var response *ResponseError
		if !errors.As(err, &response) || response.Status != status || completions != 1 {
			t.Errorf("%d: got %v after %d completions, want it after 1", status, err, completions)
		}
	}
	checkNoLeftovers(t)
}

// TestCompletionFailsLater: a completion that fails after a 202 response ends the upload with the reason. The next run
// completes again without sending parts.
func TestCompletionFailsLater(t *testing.T) {
	w := start(t)
	body := content(11*mib, 6)
	path := file(t, body)
	completions, failing := 0, true
	store, _, _ := w.useProxies(t, nil, func(x exchange) bool {
		job := `{"status":"uploading"`
		if path := strings.Split(x.r.URL.Path, "/"); len(path) > 2 {
			job += `,"id":"` + path[2] + `"`
		}
		switch {
		case filepath.Base(x.r.URL.Path) == "complete":
			if completions++; !failing {
				return false
			}
			return respond(http.StatusAccepted, "application/json", job+"}")(x)
		case x.r.Method == http.MethodGet && completions == 1 && failing:
			failing = false
			failed := job + `,"error":{"code":"store-full","detail":"Full."}}`
			return respond(http.StatusOK, "application/json", failed)(x)
		}
		return false
	})
	d := Options{Checksum: CRC64NVME, PartSize: 5 * mib}
	_, err := w.File(t.Context(), path, d)
	if !hasCode(err, "store-full") || completions != 1 {
		t.Errorf("got %v after %d completions, want store-full after 1", err, completions)
	}
	sent := store.all
	r, err := w.File(t.Context(), path, d)
	if err != nil || r.Resumed != int64(len(body)) || !bytes.Equal(w.stored(t, r), body) {
		t.Errorf("again: got %+v, %v, want the file", r, err)
	}
	if completions != 2 || store.all != sent {
		t.Errorf("again: %d completions and %d requests to the store, want 2 and %d", completions, store.all, sent)
	}
	checkNoLeftovers(t)
}
