package outbox

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/imports"
)

// TestFailureLogShortensIDs: the log line of a failed delivery has the short form of the id of an anonymous import.
func TestFailureLogShortensIDs(t *testing.T) {
	w := newCluster(t)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s := w.server(sender(t))
	s.box.Webhook = r.URL
	var log bytes.Buffer
	s.box.Log = slog.New(slog.NewJSONHandler(&log, nil))
	for owner, whole := range map[string]bool{imports.Public: false, "key-alice": true} {
		log.Reset()
		j := w.completeFor(s, owner, "")
		w.deliverDue(s)
		if got := log.String(); strings.Contains(got, j.ID) != whole ||
			!strings.Contains(got, `"import":"`+imports.LoggedIDs(owner, j.ID)+`"`) {
			t.Errorf("owner %s: got %s, want the whole id %s: %t", owner, got, j.ID, whole)
		}
	}
}
