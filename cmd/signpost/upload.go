package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	engine "github.com/signpost-s3/signpost/internal/upload"
)

type uploadCmd struct {
	Paths []string `arg:"" name:"file" help:"Files, named pipes, folders with --recursive, or - for standard input."`
	serviceFlags
	Recursive   bool              `short:"r" help:"Upload the files below folders. Symbolic links in them are left out."`
	Concurrency int               `default:"16" placeholder:"N" help:"How many requests to the store are under way at a time, those of all files together; ${default} when left out."`
	PartSize    byteSize          `placeholder:"SIZE" help:"Length of each part but the last, such as 64MiB, from 5MiB to 5GiB; as the service likes when left out."`
	Checksum    string            `enum:"crc64nvme,crc32c,sha256,none" default:"crc64nvme" placeholder:"NAME" help:"What the store checks the bytes with: crc64nvme (when left out), crc32c, sha256 (in one request, so up to 5 GiB and not resumed) or none."`
	ContentType string            `placeholder:"TYPE" help:"Media type; by the name's ending when left out."`
	Filename    string            `placeholder:"NAME" help:"What one file, or standard input, is to be called; its own name when left out."`
	Metadata    map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"Stored with each object; may be repeated."`
	WriteOnce   bool              `help:"Refuse a second upload to the same signed URL."`
	LimitRate   byteSize          `placeholder:"SIZE" help:"Most bytes a second, of all files together, such as 10MiB."`
	ID          string            `name:"id" placeholder:"ID" help:"The import in parts to go on with, wherever it was begun."`
	Again       bool              `help:"Upload anew what was uploaded before."`
	Wait        bool              `help:"Call a file uploaded only when the service says that its import is completed, not when the store has taken it."`
	JSON        bool              `name:"json" xor:"output" help:"Print events, a JSON object a line: started, resumed, progress, retrying, finishing, completed, skipped, failed."`
	Quiet       bool              `short:"q" xor:"output" help:"Print errors alone."`
	DryRun      bool              `help:"Say what would be sent, and ask and send nothing."`
	Term        string            `env:"TERM" hidden:"" help:"The terminal's kind: a dumb one has no bars."`
}

// Help is what upload --help says before its flags.
func (uploadCmd) Help() string {
	return "What was cut off goes on where it was when the same command is given again, and what is uploaded already is skipped. " +
		"Standard input and named pipes begin anew. Ctrl-C keeps the parts that were sent; a second one stops at once.\n\n" +
		"The exit status is 0 when all is uploaded, 1 when something failed, 2 for bad use, 130 when interrupted."
}

// perConnection is how many bytes a second each connection should have at least under a limit.
const minConnectionRate = 4 << 20

// filesAtOnce bounds the open files. More would not be faster: all share --concurrency.
const maxOpenFiles = 16

func (u uploadCmd) Run(i *invocation) error {
	items, failed := u.findItems()
	if err := u.validate(len(items), slices.ContainsFunc(items, func(i item) bool { return i.stream })); err != nil {
		return usageError{err}
	}
	p := newProgress(items, len(failed))
	api, err := u.newAPI(http.DefaultTransport)
	if err != nil {
		return err
	}
	if u.LimitRate > 0 { // parts that share little would all be finished late, and nothing of them kept before
		u.Concurrency = max(1, min(u.Concurrency, int(u.LimitRate/minConnectionRate)))
	}
	uploader := engine.New(api, storeClient(u.Concurrency), u.Concurrency)
	if uploader.ResumeStore, err = u.openResumeStore(); err != nil {
		fmt.Fprintf(i.stderr, "signpost: %v; an interrupted upload starts again, and uploaded files are not skipped\n", err)
	} else {
		defer uploader.ResumeStore.Close()
	}
	if u.LimitRate > 0 {
		uploader.RateLimit = rate.NewLimiter(rate.Limit(u.LimitRate), max(64<<10, int(u.LimitRate/20)))
	}
	if u.DryRun {
		return u.printPlan(i.stdout, uploader, items, failed)
	}
	if err := u.waitReachable(i.ctx, startupWait); err != nil {
		return err
	}
	uploader.OnEvent, uploader.Wait = p.onEvent, u.Wait
	u.setView(i, p)
	for _, f := range failed {
		p.end(i.ctx, f.File, engine.Result{}, f)
	}
	u.uploadAll(i.ctx, uploader, p, items)
	return p.finish(i.ctx, i.stderr, !u.JSON && !u.Quiet)
}

// check looks at what kong cannot.
func (u uploadCmd) validate(files int, streams bool) error {
	switch {
	case u.Concurrency < 1 || u.Concurrency > 256:
		return errors.New("--concurrency: must be from 1 to 256")
	case u.PartSize != 0 && (u.PartSize < 5<<20 || u.PartSize > 5<<30):
		return errors.New("--part-size: must be from 5MiB to 5GiB, as S3 demands")
	case u.PartSize != 0 && u.Checksum == "sha256":
		return errors.New("--checksum sha256 is of a whole file, in one request: leave out --part-size, or choose crc64nvme or crc32c")
	case u.LimitRate != 0 && u.LimitRate < 16<<10:
		return errors.New("--limit-rate: must be at least 16KiB; slower, a store takes it for a broken line")
	case u.ID != "" && (files != 1 || u.Again):
		return errors.New("--id goes on with one import: name one file, and leave out --again")
	case u.ID != "" && streams:
		return errors.New("--id goes on with a file: a stream begins anew")
	case u.Filename != "" && files > 1:
		return errors.New("--filename is of one file: name one")
	case u.stdinCount() > 1:
		return errors.New("- can be named once")
	}
	return u.serviceFlags.validate()
}

func (u uploadCmd) stdinCount() (n int) {
	for _, path := range u.Paths {
		if path == "-" {
			n++
		}
	}
	return n
}

// memory is below the user's cache folder. What it knows is of use on this machine alone.
func (u uploadCmd) openResumeStore() (*engine.ResumeStore, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return engine.OpenResumeStore(filepath.Join(folder, "signpost"), u.server())
}

func (u uploadCmd) options() engine.Options {
	return engine.Options{Filename: u.Filename, ContentType: u.ContentType, Metadata: u.Metadata, Checksum: engine.Algorithm(u.Checksum),
		PartSize: int64(u.PartSize), WriteOnce: u.WriteOnce, Again: u.Again, ID: u.ID}
}

// send uploads all items. What becomes of them is p's to know.
func (u uploadCmd) uploadAll(ctx context.Context, uploader *engine.Uploader, p *progress, items []item) {
	var g errgroup.Group
	g.SetLimit(min(u.Concurrency, maxOpenFiles))
	for _, it := range items {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			p.begin(it)
			result, err := u.uploadItem(ctx, uploader, it)
			p.end(ctx, it.path, result, err)
			return nil
		})
	}
	_ = g.Wait()
}

func (u uploadCmd) uploadItem(ctx context.Context, uploader *engine.Uploader, it item) (engine.Result, error) {
	if !it.stream {
		return uploader.File(ctx, it.path, u.options())
	}
	d := u.options()
	if d.Filename == "" && it.path != "-" {
		d.Filename = filepath.Base(it.path)
	}
	open := func() (io.ReadCloser, error) {
		if it.path == "-" {
			return os.Stdin, nil
		}
		return os.Open(it.path)
	}
	return uploader.Stream(ctx, open, it.path, d)
}
