package world

import (
	"net/http"
	"time"

	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/imports"
)

// OwnReceiver is the URL of a webhook that imports may name.
const OwnReceiver = "https://own.test/hook"

// Service returns the service of imports of a new server. Its requests go through wire, which may be nil.
func (w *World) Service(wire *Wire) *imports.Service {
	w.Helper()
	if wire == nil {
		wire = &Wire{}
	}
	wire.direct = w.direct
	settings := w.Target.AWS.Copy()
	settings.HTTPClient = &http.Client{Transport: wire}
	b, err := bucket.Open(w.Context(), bucket.Options{
		Name: w.Target.Bucket, AWS: settings, PathStyle: w.Target.PathStyle, Hooks: bucket.Hooks{OnCall: wire.count},
	})
	if err != nil {
		w.Fatal(err)
	}
	return &imports.Service{
		Bucket: b,
		Limits: imports.Limits{URLTTL: time.Hour, JobTTL: 24 * time.Hour, WebhookHosts: []string{"own.test"}},
		Now:    w.Now,
	}
}

// Create creates an import.
func (w *World) Create(r imports.Request) imports.Job {
	w.Helper()
	j, err := w.Service(nil).Create(w.Context(), Owner, r, "")
	if err != nil {
		w.Fatal(err)
	}
	return j
}

// CreateUploaded returns an import in one request whose object is uploaded.
func (w *World) CreateUploaded() imports.Job {
	w.Helper()
	j := w.Create(imports.Request{})
	w.Put(j.Key(), Content)
	return j
}

// CreateMultipart returns a multipart import whose part is uploaded.
func (w *World) CreateMultipart() imports.Job {
	w.Helper()
	size := int64(len(Content))
	j := w.Create(imports.Request{Mode: imports.Multipart, Size: &size})
	w.UploadPart(j, 1)
	return j
}
