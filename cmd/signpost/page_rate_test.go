//go:build !race

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
)

// TestPageShowsStoredBytes: bytes that were sent, but that the store has not acknowledged, are only in the lighter part
// of the bar. Percent, sums, rate and remaining time are those of stored bytes.
func TestPageShowsStoredBytes(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.holdResponses("*partNumber=*")
	path, _ := randomFile(t, "file.bin", 40*mib)
	b.choose(path)
	b.share("file.bin", 0.35) // two parts
	shown := func() string {
		return eval[string](b, fmt.Sprintf(`(() => {
			const row = %s, bar = row.querySelector("progress");
			return [bar.style.getPropertyValue("--stored"), row.querySelector(".state").innerText,
				row.querySelector(".pace").innerText, document.querySelector("#summary").innerText, document.title].join(" | ");
		})()`, row("file.bin")))
	}
	const want = "0% | Uploading, 0 % |  | 0 of 1 file completed · 0 B of 40 MiB | 0 % · Signpost"
	if got := shown(); got != want {
		t.Errorf("before the store has responded: got %q, want %q", got, want)
	}
	b.releaseParts()
	b.state("file.bin", "completed")
	if got := shown(); !strings.Contains(got, "| Completed |  | 1 of 1 file completed |") {
		t.Errorf("after completion: got %q, want it completed", got)
	}
}

// TestPageShowsRate: on a slow line, the rate and the remaining time are shown once the store has a part.
func TestPageShowsRate(t *testing.T) {
	browserTest(t)
	b := browse(t, startLocal(t, t.TempDir()))
	b.holdParts(3) // so that the upload is in progress when the rate is read
	b.limitUploads(6 * mib)
	path, _ := randomFile(t, "file.bin", 40*mib)
	b.choose(path)
	for _, at := range []string{row("file.bin") + `?.querySelector(".pace")`, `document.querySelector("#summary")`} {
		b.until("rate and remaining time", fmt.Sprintf(`/\b[0-9.]+ [KM]iB\/s(,| ·) .+ left$/.test(%s?.innerText)`, at))
	}
	b.limitUploads(-1)
	b.releaseParts()
	b.state("file.bin", "completed")
}

// holdResponses makes the responses to requests wait in the browser until releaseParts, except those to preflights.
func (b *tab) holdResponses(pattern string) {
	b.Helper()
	err := chromedp.Listen(b.ctx, func(event any) {
		if e, ok := event.(*fetch.EventRequestPaused); ok && e.Request.Method == http.MethodOptions {
			go chromedp.Call(b.ctx, fetch.ContinueRequest,
				fetch.ContinueRequestParams{RequestID: e.RequestID}) //nolint:errcheck // the tab may be gone
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{
		{URLPattern: pattern, RequestStage: fetch.RequestStageResponse},
	}})
}
