package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runExamples interrupts the examples before the upload that INTERRUPT numbers, and reports how many uploads they send.
const runExamples = `package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
)

type transport struct {
	next    http.RoundTripper
	uploads int
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPut {
		if t.uploads++; fmt.Sprint(t.uploads) == os.Getenv("INTERRUPT") {
			return nil, errors.New("interrupted")
		}
	}
	return t.next.RoundTrip(request)
}

func count(example func()) {
	uploads := &transport{next: http.DefaultTransport}
	http.DefaultTransport = uploads
	example()
	fmt.Println("uploads:", uploads.uploads)
}

func TestSingle(*testing.T)    { count(Example_single) }
func TestMultipart(*testing.T) { count(Example_multipart) }
`

// TestClientExamples runs the examples of package client in another module, against a service that requires an API key.
func TestClientExamples(t *testing.T) {
	slowTest(t)
	needs(t, "go")
	keys, data := filepath.Join(t.TempDir(), "keys"), t.TempDir()
	key := signpost(t, "keygen", "alice", "--append", keys)
	service := startLocal(t, data, "SIGNPOST_API_KEYS_FILE="+keys)
	module := otherModule(t)
	report, video := []byte("id,amount\n"), slices.Concat(
		bytes.Repeat([]byte{1}, 16<<20), bytes.Repeat([]byte{2}, 16<<20), bytes.Repeat([]byte{3}, 1<<20))
	for name, content := range map[string][]byte{
		"run_test.go": []byte(runExamples), "report.csv": report, "video.mp4": video,
	} {
		if err := os.WriteFile(filepath.Join(module, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "test", "-c", "-o", "examples.test")
	build.Dir, build.Env = module, append(build.Environ(), "GOPROXY=off", "GOFLAGS="+os.Getenv("GOFLAGS")+" -mod=mod")
	if printed, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, printed)
	}
	for _, run := range []struct{ test, interrupt, want string }{
		{"TestSingle", "1", "upload: interrupted"},
		{"TestSingle", "", "uploads: 1"},
		{"TestMultipart", "2", "part 2: upload: interrupted"},
		{"TestMultipart", "", "uploads: 2"},
		{"TestMultipart", "", "uploads: 0"}, // it is completed
	} {
		command := exec.Command(filepath.Join(module, "examples.test"), "-test.run", run.test)
		command.Dir = module
		command.Env = append(command.Environ(), "SIGNPOST_URL="+service.api, "SIGNPOST_API_KEY="+key,
			"INTERRUPT="+run.interrupt, "UPLOAD_KEY=0b9ee4a3-7a38-4d3e-9d5c-9be8b8b2d4a6")
		printed, err := command.CombinedOutput()
		if (err != nil) != (run.interrupt != "") || !strings.Contains(string(printed), run.want+"\n") ||
			strings.Contains(string(printed), "X-Amz-") {
			t.Fatalf("%s, interrupted at %q: got %v\n%s\nwant %q and no signed URL",
				run.test, run.interrupt, err, printed, run.want)
		}
	}
	objects, err := filepath.Glob(filepath.Join(data, "store/signpost/imports/key-alice/*"))
	if err != nil {
		t.Fatal(err)
	}
	var stored [][]byte
	for _, name := range objects {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, content)
	}
	slices.SortFunc(stored, func(a, b []byte) int { return len(a) - len(b) })
	if len(stored) != 2 || !bytes.Equal(stored[0], report) || !bytes.Equal(stored[1], video) {
		t.Errorf("got %d objects %q, want report.csv and video.mp4", len(stored), objects)
	}
}

// otherModule returns a module that contains the examples of package client and requires this module.
func otherModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	examples, err := filepath.Glob(filepath.Join(root, "gen/client/example_*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(examples, filepath.Join(root, "go.sum")) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const mod = "module example\n\ngo 1.26.0\n\nrequire github.com/signpost-s3/signpost v0.0.0\n\n" +
		"replace github.com/signpost-s3/signpost => "
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte(mod+root+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
