package frontend

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/signpost-s3/signpost/gen/client"
)

// bucket is the name of the local store's.
const bucket = "signpost"

// service is a signpost serve with a local store.
type service struct {
	url string // of its API
	dir string // its data
	key string // required API key; empty: none
}

// binary builds signpost once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "frontend-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "signpost")
	build := exec.Command("go", "build", "-o", path, "github.com/signpost-s3/signpost/cmd/signpost")
	build.Stderr = os.Stderr
	return path, build.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv(variable) == "1" {
		if path, err := binary(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// serve runs signpost serve for pages of origin. With a caller, it requires the API key of that name.
func serve(t *testing.T, origin, caller string) service {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := service{dir: t.TempDir()}
	settings := []string{"SIGNPOST_LISTEN=127.0.0.1:0", "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0", "SIGNPOST_DATA_DIR=" + s.dir}
	if origin != "" {
		settings = append(settings, "SIGNPOST_CORS_ORIGINS="+origin)
	}
	if caller != "" {
		keys := filepath.Join(t.TempDir(), "keys")
		s.key = strings.TrimSpace(run(t, "", path, "keygen", caller, "--append", keys))
		settings = append(settings, "SIGNPOST_API_KEYS_FILE="+keys, "SIGNPOST_WRITE_ONCE=true")
	}
	program := exec.Command(path, "serve")
	program.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, settings...)
	s.url = greeted(t, program)
	return s
}

// greeted starts a server, stops it at the end of the test, and returns the address that it prints.
func greeted(t *testing.T, program *exec.Cmd) string {
	t.Helper()
	greeting, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{} // read after Wait
	program.Stderr = log
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Process.Signal(syscall.SIGTERM)
		if err := program.Wait(); err != nil {
			t.Errorf("signpost serve: %v\n%s", err, log)
		}
	})
	lines := bufio.NewScanner(greeting)
	for lines.Scan() {
		if found := regexp.MustCompile(` at (http://\S+)`).FindStringSubmatch(lines.Text()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("signpost serve: no greeting (%v)", lines.Err())
	return ""
}

func (s service) authorize(r *http.Request) {
	if s.key != "" {
		r.Header.Set("x-api-key", s.key)
	}
}

// api returns a client of the service.
func (s service) api(t *testing.T) *client.ClientWithResponses {
	t.Helper()
	web := &http.Client{Timeout: limit}
	authorize := client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error { s.authorize(r); return nil })
	api, err := client.NewClientWithResponses(s.url, client.WithHTTPClient(web), authorize)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// newest returns the id of the newest import.
func (s service) newest(t *testing.T) string {
	t.Helper()
	list, err := s.api(t).ListImportsWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if list.JSON200 == nil || len(list.JSON200.Imports) == 0 {
		t.Fatalf("GET /import: got %s %s, want imports", list.Status(), list.Body)
	}
	return list.JSON200.Imports[0].ID
}

// read returns an import once its status changes or is terminal, or after some seconds.
func (s service) read(t *testing.T, id string, seconds int32) client.Import {
	t.Helper()
	read, err := s.api(t).GetImportWithResponse(t.Context(), id, &client.GetImportParams{Wait: new(seconds)})
	if err != nil {
		t.Fatal(err)
	}
	if read.JSON200 == nil {
		t.Fatalf("GET /import/%s: got %s %s, want 200", id, read.Status(), read.Body)
	}
	return *read.JSON200
}

func (s service) wantStatus(t *testing.T, id string, want client.ImportStatus) client.Import {
	t.Helper()
	seconds := int32(20)
	if want == client.ImportStatusUploading {
		seconds = 0 // not terminal yet
	}
	job := s.read(t, id, seconds)
	if job.Status != want {
		t.Fatalf("import %s: got %s, want %s", id, job.Status, want)
	}
	return job
}

// wantStored compares an import with the file that was sent.
func (s service) wantStored(t *testing.T, id, name string, content []byte) {
	t.Helper()
	job := s.wantStatus(t, id, client.ImportStatusCompleted)
	if got := job.Filename; got != name {
		t.Errorf("import %s: got filename %q, want %q", id, got, name)
	}
	got, err := os.ReadFile(filepath.Join(s.dir, "store", bucket, filepath.FromSlash(job.Object.Key)))
	if err == nil {
		err = differ(got, content)
	}
	if err != nil {
		t.Errorf("stored for import %s: %v", id, err)
	}
}
