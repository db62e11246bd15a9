package upload

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
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

// TestLostParts: a part that the store lost is sent again, once. Other parts are not.
func TestLostParts(t *testing.T) {
	body := content(11*mib, 7)
	for code, lose := range map[string]fault{
		"parts-missing": editParts(t, func(page *client.PartList) { page.Parts = slices.Delete(page.Parts, 1, 2) }),
		"part-size-mismatch": editParts(t, func(page *client.PartList) {
			page.Parts[1].Size, page.Parts[1].ETag = 0, ""
		}),
	} {
		for _, again := range []bool{false, true} { // the store loses the part again
			w := start(t)
			completions := 0
			store, _, _ := w.useProxies(t, nil, func(x exchange) bool {
				if filepath.Base(x.r.URL.Path) == "complete" {
					if completions++; completions == 1 || again {
						return respond(http.StatusConflict, "application/problem+json", `{"code":"`+code+`"}`)(x)
					}
				}
				return lose(x)
			})
			r, err := w.File(t.Context(), file(t, body), Options{Checksum: CRC64NVME, PartSize: 5 * mib})
			switch {
			case again && (!hasCode(err, code) || completions != 2):
				t.Errorf("%s again: got %+v, %v after %d completions, want the code after 2", code, r, err, completions)
			case !again && (err != nil || !bytes.Equal(w.stored(t, r), body)):
				t.Errorf("%s: got %+v, %v, want the file", code, r, err)
			}
			if sent := store.parts(); sent != [4]int{1, 2, 1, 0} {
				t.Errorf("%s: parts were sent %v times, want only part 2 twice", code, sent)
			}
		}
	}
}

// TestLostPartsInRounds: a store that shows other parts as lost each time, or none although it refuses the completion,
// gets the lost ones again, each once, until it completes the upload.
func TestLostPartsInRounds(t *testing.T) {
	body := content(11*mib, 7)
	w := start(t)
	rounds := []int{1, -1, 2} // index of the part that the list lacks after each completion; -1: none
	completions := 0
	list := editParts(t, func(page *client.PartList) {
		if lost := rounds[completions-1]; lost >= 0 {
			page.Parts = slices.Delete(page.Parts, lost, lost+1)
		}
	})
	store, _, _ := w.useProxies(t, nil, func(x exchange) bool {
		if filepath.Base(x.r.URL.Path) == "complete" {
			if completions++; completions <= len(rounds) {
				return respond(http.StatusConflict, "application/problem+json", `{"code":"part-size-mismatch"}`)(x)
			}
		}
		return list(x)
	})
	r, err := w.File(t.Context(), file(t, body), Options{Checksum: CRC64NVME, PartSize: 5 * mib})
	if err != nil || !bytes.Equal(w.stored(t, r), body) || completions != 4 {
		t.Errorf("got %+v, %v after %d completions, want the file after 4", r, err, completions)
	}
	if sent := store.parts(); sent != [4]int{1, 2, 2, 0} {
		t.Errorf("parts were sent %v times, want parts 2 and 3 twice", sent)
	}
}
