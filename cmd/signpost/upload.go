package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/signpost-s3/signpost/internal/progress"
	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/s3limits"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type uploadCmd struct {
	Paths     []string `arg:"" name:"file" help:"Files, named pipes, folders (with --recursive), or - for standard input."`
	Recursive bool     `short:"r" help:"Upload the regular files in folders and their subfolders."`
	Follow    bool     `help:"With --recursive, follow symbolic links to files and folders (default: ignore them)."`
	PartSize  byteSize `placeholder:"SIZE" group:"Transfer:" help:"Part size, from 5MiB to 5GiB (default: 8MiB, or more above 78GiB)."`

	Checksum string `enum:"crc64nvme,crc32c,sha256,none" default:"crc64nvme" placeholder:"NAME" group:"Transfer:" help:"Checksum that the store verifies: crc64nvme, crc32c, sha256 or none (default ${default})."`

	ContentType string `placeholder:"TYPE" help:"Media type, such as text/csv (default: by the extension of the filename)."`
	Filename    string `placeholder:"NAME" help:"Filename of the import, for one file (default: the name of the file)."`
	WriteOnce   bool   `group:"Transfer:" help:"Reject a second upload to the same signed URL."`
	ID          string `name:"id" placeholder:"ID" help:"Resume the multipart import with this id, also of another machine."`
	Again       bool   `help:"Upload files again that are already uploaded."`
	Wait        bool   `help:"Wait until the service reports the import as completed."`
	DryRun      bool   `short:"n" group:"Output:" help:"Print what would be uploaded, and send no requests."`

	Metadata map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"Metadata of the objects; repeat for more keys."`

	transferFlags
	serviceFlags `group:"Service:"`
}

// Help returns the text before the flags in upload --help.
func (uploadCmd) Help() string {
	return "Run the same command again to resume an interrupted upload. Files already uploaded are skipped. Uploads of " +
		"standard input and named pipes cannot be resumed. Ctrl-C keeps uploaded parts, and waits at most 5 s for parts " +
		"that are nearly uploaded; a second Ctrl-C exits at once.\n\n" +
		"With --recursive, imports declare the path of the file in its folder. As with rsync, it begins with the name of " +
		"the folder (photos: photos/2026/a.jpg) unless a slash follows (photos/: 2026/a.jpg).\n\n" +
		"--checksum sha256 requires one request: at most 5 GiB, not resumable.\n\n" +
		"Events of --json: started, resumed, progress, retrying, draining, finishing, completed, skipped, ignored, " +
		"failed.\n\n" +
		"The exit status is 0 if all files are uploaded, 1 for errors, 2 for usage errors, 130 after an interrupt.\n\n" +
		"Example:\n\n\tsignpost upload --recursive photos --metadata project=sky"
}

// gcPercent is GOGC, unless it is set: how much the heap may grow before a garbage collection, in percent. With Go's
// default, an upload of 10,000 files takes 10 MiB more, and 4 % less CPU time.
const gcPercent = 50

func (u uploadCmd) Run(i *invocation) error {
	defer i.endOnHangup()()
	items, ignored, failed, err := u.findItems()
	if err != nil {
		return usageError{err}
	}
	if err := u.validate(len(items), slices.ContainsFunc(items, func(i item) bool { return i.stream })); err != nil {
		return usageError{err}
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	requests := cmp.Or(u.requests(), engine.MaxFiles)
	api, err := u.newAPI(apiTransport(requests))
	if err != nil {
		return err
	}
	uploader := engine.New(api, storeClient(requests), u.requests())
	if uploader.ResumeStore, err = u.openResumeStore(); err != nil {
		fmt.Fprintf(i.stderr, "signpost: %v; uploads cannot be resumed, and uploaded files are not skipped\n", err)
	}
	uploader.RateLimit = u.limiter()
	defer progress.PrintIgnored(u.progressOptions(i), ignored)
	if u.DryRun {
		return u.printPlan(i.stdout, uploader, items, failed)
	}
	if err := u.waitReachable(i.ctx, startupWait); err != nil {
		return err
	}
	sizes := map[string]int64{}
	for _, it := range items {
		sizes[it.path] = it.size
	}
	p := progress.New(u.progressOptions(i), sizes, len(failed))
	uploader.OnEvent, uploader.Wait = p.OnEvent, u.Wait
	for _, f := range failed {
		p.End(i.ctx, f.File, engine.Result{}, f)
	}
	u.uploadAll(i.ctx, uploader, p, items, requests)
	if err = p.Finish(i.ctx); err != nil && i.ctx.Err() != nil {
		return interruption{err.Error()}
	}
	return err
}

// printPlan prints what an upload would do.
func (u uploadCmd) printPlan(w io.Writer, uploader *engine.Uploader, items []item, failed []*engine.Error) error {
	format := progress.FormatPlan
	if u.JSON {
		format = progress.FormatPlanJSON
	}
	for _, it := range items {
		p := engine.Plan{Size: -1}
		if !it.stream {
			var err error
			if p, err = uploader.Plan(it.path, u.options()); err != nil {
				failed = append(failed, remedy.OpenError(it.path, err))
				continue
			}
		}
		if !u.Quiet {
			fmt.Fprintln(w, format(it.path, p))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return errors.New(remedy.ExplainAll(failed))
}

// validate checks what kong cannot check.
func (u uploadCmd) validate(files int, streams bool) error {
	switch {
	case u.PartSize != 0 && (u.PartSize < s3limits.MinPartSize || u.PartSize > s3limits.MaxPartSize):
		return errors.New("--part-size: must be from 5MiB to 5GiB, as S3 requires")
	case u.PartSize != 0 && u.Checksum == "sha256":
		return errors.New("--checksum sha256 requires one request: omit --part-size, or use crc64nvme or crc32c")
	case u.ID != "" && (files != 1 || u.Again):
		return errors.New("--id requires exactly one file, and no --again")
	case u.ID != "" && streams:
		return errors.New("--id requires a file: streams cannot be resumed")
	case u.Follow && !u.Recursive:
		return errors.New("--follow requires --recursive (-r): links that are arguments are followed in any case")
	case u.Filename != "" && files > 1:
		return errors.New("--filename requires exactly one file")
	case u.stdinCount() > 1:
		return errors.New("standard input (-) can be uploaded only once")
	}
	return cmp.Or(u.transferFlags.validate(), u.serviceFlags.validate())
}

func (u uploadCmd) stdinCount() (n int) {
	for _, path := range u.Paths {
		if path == "-" {
			n++
		}
	}
	return n
}

// openResumeStore opens the resume store in the user's cache directory.
func (u uploadCmd) openResumeStore() (*engine.ResumeStore, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return engine.OpenResumeStore(filepath.Join(folder, "signpost"), u.server())
}

func (u uploadCmd) options() engine.Options {
	return engine.Options{
		Filename: u.Filename, ContentType: u.ContentType, Metadata: u.Metadata, Checksum: engine.Algorithm(u.Checksum),
		PartSize: int64(u.PartSize), WriteOnce: u.WriteOnce, Again: u.Again, ID: u.ID,
	}
}

// uploadAll uploads all items, as many at a time as there are requests, and reports the results to p. Fewer of those
// that are not small are open, because each prepares several parts.
func (u uploadCmd) uploadAll(
	ctx context.Context, uploader *engine.Uploader, p *progress.Progress, items []item, requests int,
) {
	var g errgroup.Group
	g.SetLimit(min(requests, engine.MaxFiles))
	large := semaphore.NewWeighted(engine.DefaultConcurrency)
	for _, it := range items {
		g.Go(func() error {
			if it.stream || it.size >= engine.SmallSize {
				if large.Acquire(ctx, 1) != nil {
					return nil
				}
				defer large.Release(1)
			}
			if ctx.Err() != nil {
				return nil
			}
			p.Begin(it.path)
			result, err := u.uploadItem(ctx, uploader, it)
			p.End(ctx, it.path, result, err)
			return nil
		})
	}
	_ = g.Wait()
}

func (u uploadCmd) uploadItem(ctx context.Context, uploader *engine.Uploader, it item) (engine.Result, error) {
	if !it.stream {
		o := u.options()
		o.RelativePath = it.relativePath
		return uploader.File(ctx, it.path, o)
	}
	d, open := u.options(), func() (io.ReadCloser, error) { return os.Stdin, nil }
	if !it.stdin {
		d.Filename = cmp.Or(d.Filename, filepath.Base(it.path))
		open = func() (io.ReadCloser, error) { return os.Open(it.path) }
	}
	return uploader.Stream(ctx, open, it.path, d)
}
