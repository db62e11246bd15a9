package sweep

import (
	"context"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/world"
)

// call is a call of a client or of the store to a server. Its context is not that of the test, which may end first.
type call func(*server, imports.Job) error

func read(s *server, j imports.Job) error {
	_, err := s.Read(context.Background(), owner, j.ID)
	return err
}

func complete(s *server, j imports.Job) error {
	_, err := s.Complete(context.Background(), owner, j.ID, nil)
	return err
}

func completeWithWrongChecksum(s *server, j imports.Job) error {
	wrong := &imports.Checksum{Algorithm: "crc64nvme", Value: "AAAAAAAAAAE="}
	_, err := s.Complete(context.Background(), owner, j.ID, wrong)
	return err
}

func notify(s *server, j imports.Job) error {
	return s.HandleObjectCreated(context.Background(), j.Key())
}

func remove(s *server, j imports.Job) error { return s.Delete(context.Background(), owner, j.ID) }

func created(w *cluster) imports.Job   { return w.Create(imports.Request{}) }
func uploaded(w *cluster) imports.Job  { return w.CreateUploaded() }
func multipart(w *cluster) imports.Job { return w.CreateMultipart() }

// uploadedWithWebhook is uploaded for an import with a webhook of its own.
func uploadedWithWebhook(w *cluster) imports.Job {
	j := w.Create(imports.Request{Webhook: world.OwnReceiver})
	w.Put(j.Key(), world.Content)
	return j
}

// terminations are the calls that give an import a terminal status.
var terminations = []struct {
	name    string
	prepare func(*cluster) imports.Job
	after   time.Duration // before the call
	call    call
	repeats bool // the client repeats the call if it gets no response
	want    string
}{
	{"complete", multipart, 0, complete, true, "completed"},
	{"complete with a wrong checksum", multipart, 0, completeWithWrongChecksum, true, "failed"},
	{"read of an uploaded object", uploaded, 0, read, false, "completed"},
	{"read of an uploaded object for two receivers", uploadedWithWebhook, 0, read, false, "completed"},
	{"object-created notification", uploaded, 0, notify, false, "completed"},
	{"delete", multipart, 0, remove, true, "aborted"},
	{"read of an overdue multipart import", multipart, 25 * time.Hour, read, false, "expired"},
	{"read of an overdue import", created, 2 * time.Hour, read, false, "expired"},
}

// callAndStop makes the call, waits for deliveries and stops the server.
func callAndStop(s *server, c call, j imports.Job) {
	stop := run(context.Background(), s.box.Run)
	_ = c(s, j)
	stop()
}
