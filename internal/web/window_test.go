package web_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-s3/signpost/internal/web"
)

// TestWindow: the browser's window has the size of package upload's after each request of its trace.
func TestWindow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(directory, "../upload/testdata/window.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var trace [][]int64 // bytes in flight, size, start and end in milliseconds, size of the window
	for line := range strings.Lines(string(text)) {
		var row []int64
		for field := range strings.FieldsSeq(line) {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, n)
		}
		trace = append(trace, row)
	}
	argument, err := json.Marshal(trace)
	if err != nil {
		t.Fatal(err)
	}
	script := `import("/client/limiter.js").then(({ Window }) => {
		const w = new Window(0);
		return ` + string(argument) + `.map(([inFlight, size, begin, now]) => {
			w.inFlight = inFlight;
			w.measure(size, begin, now);
			return w.size;
		});
	})`
	got := evaluate[[]int64](t, start(t, web.UI{}, nil).browse(t), script)
	for i, row := range trace {
		if got[i] != row[4] {
			t.Fatalf("line %d: got %d, want %d", i+1, got[i], row[4])
		}
	}
}
