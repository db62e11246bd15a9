package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/download"
	"github.com/signpost-s3/signpost/internal/progress"
	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/terminal"
	engine "github.com/signpost-s3/signpost/internal/upload"
)

type downloadCmd struct {
	ID     string `arg:"" name:"id" help:"Import id."`
	Output string `short:"o" placeholder:"FILE" help:"File or folder to write, or - for standard output (default: the import's filename)."`
	Force  bool   `help:"Replace an existing file, or write to a block device."`
	transferFlags
	serviceFlags `group:"Service:"`
}

// Help returns the text before the flags in download --help.
func (downloadCmd) Help() string {
	return "FILE appears once it is complete and its size and checksum are right. A replaced file keeps its mode. " +
		"A symbolic link is followed.\n\n" +
		"Run the same command again to resume an interrupted download of 16 MiB or more. What has arrived is kept beside " +
		"FILE in .signpost-ID-*.part, which a complete download removes. Ctrl-C keeps it; a second Ctrl-C exits at once.\n\n" +
		"Standard output, devices and named pipes get the bytes in order as they arrive, by one request. If its " +
		"connection breaks, another request continues.\n\n" +
		"Characters of the import's filename that some system does not allow become _. A name that begins with a dot or " +
		"hyphen, or that Windows reserves, gets a _ before it. Use -o to choose another.\n\n" +
		"Events of --json: started, resumed, progress, retrying, finishing, completed, failed.\n\n" +
		"Example:\n\n\tsignpost download 01890000-0000-7000-8000-000000000000 -o report.csv"
}

func (d downloadCmd) Run(i *invocation) error {
	defer i.endOnHangup()()
	if err := d.transferFlags.validate(); err != nil {
		return usageError{err}
	}
	if d.Output == "-" && d.JSON {
		return usageError{errors.New("--json requires a file: standard output gets the object")}
	}
	api, err := d.connect(i)
	if err != nil {
		return err
	}
	job, err := d.read(i.ctx, api)
	if err != nil {
		return asInterruption(i.ctx, remedy.Import(d.ID, err))
	}
	requests := cmp.Or(d.requests(), engine.DefaultConcurrency)
	object := download.Object{
		ID: d.ID, Filename: job.Filename, Size: job.Size, Checksum: job.Checksum, URL: job.DownloadURL,
		Renew: func(ctx context.Context) (string, error) {
			job, err := d.read(ctx, api)
			return job.DownloadURL, err
		},
		Client: storeClient(requests), Concurrency: requests, RateLimit: d.limiter(),
	}
	return d.download(i, object, job)
}

// read returns the import with a download URL.
func (d downloadCmd) read(ctx context.Context, api *engine.API) (client.Import, error) {
	job, err := api.Read(ctx, d.ID)
	switch {
	case err != nil:
		return job, err
	case job.Status != client.ImportStatusCompleted:
		return job, fmt.Errorf("the import is %s; only completed imports can be downloaded", statusText(job))
	case engine.ObjectDeleted(job):
		return job, errors.New("the object was deleted from the bucket, so it cannot be downloaded")
	case job.DownloadURL == "":
		return job, fmt.Errorf("the service at %s does not allow downloads: its operator can set SIGNPOST_DOWNLOADS=true",
			d.server())
	}
	return job, api.CheckDownload(job.DownloadURL)
}

// download downloads the object, and shows its progress.
func (d downloadCmd) download(i *invocation, object download.Object, job client.Import) error {
	options, name := d.progressOptions(i), d.Output
	options.Download = true
	if name == "-" {
		options.Stdout = terminal.NewWriter(io.Discard)
		options.Quiet = d.Quiet || terminal.Is(i.stdout) // bars would be among the object's bytes
	} else {
		name = object.Path(d.Output)
	}
	result := engine.Result{ID: d.ID}
	size := int64(-1)
	if job.Size != nil {
		size, result.Size = *job.Size, *job.Size
	}
	if job.Object != nil {
		result.Bucket, result.Key, result.ETag = job.Object.Bucket, job.Object.Key, job.Object.ETag
	}
	p := progress.New(options, map[string]int64{name: size}, 0)
	object.OnEvent = p.OnEvent
	p.Begin(name)
	var err error
	if d.Output == "-" {
		err = remedy.Import(d.ID, d.print(i, object))
	} else {
		err = object.Save(i.ctx, name, d.Force)
	}
	p.End(i.ctx, name, result, err)
	finished := p.Finish(i.ctx)
	if err != nil && i.ctx.Err() != nil && d.Output != "-" {
		return interruption{finished.Error()}
	}
	return asInterruption(i.ctx, err)
}

// print writes the object to stdout, unchanged unless stdout is a terminal.
func (d downloadCmd) print(i *invocation, object download.Object) error {
	if terminal.Is(i.stdout) {
		return object.Copy(i.ctx, i.stdout, d.Output)
	}
	return object.Copy(i.ctx, i.stdout.Writer, d.Output)
}
