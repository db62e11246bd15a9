package upload

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"
)

// TestCompleteFails: a completion that the service answers with 500 or 507 is not repeated, for the store would copy all parts again.
func TestCompleteFails(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusInsufficientStorage} {
		w := start(t)
		path := file(t, content(11*mib, 5))
		completions := 0
		w.behind(t, nil, func(_, _ int, rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if filepath.Base(r.URL.Path) != "complete" {
				return false
			}
			completions++
			rw.WriteHeader(status)
			return true
		})
		_, err := w.File(t.Context(), path, Declaration{Checksum: CRC64NVME, PartSize: 5 * mib})
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Status != status || completions != 1 {
			t.Errorf("%d: got %v after %d completions, want it after 1", status, err, completions)
		}
	}
	noneLeft(t)
}
