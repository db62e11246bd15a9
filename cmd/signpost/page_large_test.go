//go:build !race

package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"github.com/signpost-s3/signpost/gen/client"
)

// TestPageMemory: the memory of the browser does not grow with the file. The longest task of the page is only logged,
// because other programs of the machine affect it.
func TestPageMemory(t *testing.T) {
	size := largeSize(t)
	p := startLocal(t, t.TempDir())
	b := browse(t, p)
	path := sparseFile(t, size)
	eval[any](b, `window.longest = 0;
		new PerformanceObserver((l) => {
			for (const e of l.getEntries()) longest = Math.max(longest, e.duration);
		}).observe({type: "longtask"});
		null`)
	b.choose(path)
	b.share("sparse", 0.1)
	before := b.memory()
	var found []int
	for _, share := range []float64{0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 0.95} {
		b.share("sparse", share)
		found = append(found, b.memory())
	}
	id := b.state("sparse", "completed")
	if job := p.read(t, id); job.Status != client.ImportStatusCompleted || *job.Size != size || !job.Checksum.Verified {
		t.Errorf("got %+v, want %d bytes, verified", job, size)
	}
	const more = 512 // parts in progress; a leak would be of the whole file
	if most := slices.Max(found); most > before+more {
		t.Errorf("the browser grew from %d to %d MiB, want at most %d more", before, most, more)
	}
	t.Logf("%d bytes; %d MiB resident in all processes after a tenth, %d after each eighth; longest task %.0f ms", size,
		before, found, eval[float64](b, `longest`))
}

// memory returns the resident memory of all processes of the browser, in MiB. Shared memory counts for each.
func (b *tab) memory() int {
	b.Helper()
	found, err := chromedp.CallBrowser(b.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		b.Fatal(err)
	}
	total := 0
	for _, process := range found.ProcessInfo {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.ID))
		if err != nil {
			continue // it has ended, or this system has no such figures
		}
		if resident := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status); resident != nil {
			kilobytes, _ := strconv.Atoi(string(resident[1]))
			total += kilobytes
		}
	}
	return total >> 10
}
