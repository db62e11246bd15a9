package main

import (
	"errors"
	"fmt"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/download"
	"github.com/signpost-s3/signpost/internal/format"
	"github.com/signpost-s3/signpost/internal/remedy"
	"github.com/signpost-s3/signpost/internal/terminal"
)

type downloadCmd struct {
	ID           string `arg:"" name:"id" help:"Import id."`
	serviceFlags `group:"Service:"`
	Output       string `short:"o" placeholder:"FILE" help:"File or folder to write, or - for standard output (default: the import's filename)."`
	Force        bool   `help:"Replace an existing file, or write to a block device."`
}

// Help returns the text before the flags in download --help.
func (downloadCmd) Help() string {
	return "FILE appears once it is complete and its size and checksum are right. A replaced file keeps its mode. " +
		"A symbolic link is followed. Devices and named pipes get the bytes as they arrive.\n\n" +
		"Characters of the import's filename that some system does not allow become _. A name that begins with a dot or " +
		"hyphen, or that Windows reserves, gets a _ before it. Use -o to choose another.\n\n" +
		"Example:\n\n\tsignpost download 01890000-0000-7000-8000-000000000000 -o report.csv"
}

func (d downloadCmd) Run(i *invocation) error {
	api, err := d.connect(i)
	if err != nil {
		return err
	}
	job, err := api.Read(i.ctx, d.ID)
	if err != nil {
		return asInterruption(i.ctx, remedy.Import(d.ID, err))
	}
	switch {
	case job.Status != client.ImportStatusCompleted:
		return fmt.Errorf("%s is %s; only completed imports can be downloaded", d.ID, statusText(job))
	case job.DownloadURL == "":
		return fmt.Errorf("the service at %s does not allow downloads: its operator can set SIGNPOST_DOWNLOADS=true",
			d.server())
	}
	if err := api.CheckDownload(job.DownloadURL); err != nil {
		return remedy.Import(d.ID, err)
	}
	object := download.Object{
		ID: d.ID, Filename: job.Filename, URL: job.DownloadURL, Size: job.Size, Checksum: job.Checksum,
		Client: storeClient(1),
	}
	if d.Output == "-" {
		err = remedy.Import(d.ID, d.print(i, object))
	} else {
		err = d.save(i, object)
	}
	return asInterruption(i.ctx, err)
}

// print writes the object to stdout, unchanged unless stdout is a terminal.
func (d downloadCmd) print(i *invocation, object download.Object) error {
	if terminal.Is(i.stdout) {
		return object.Copy(i.ctx, i.stdout)
	}
	return object.Copy(i.ctx, i.stdout.Writer)
}

func (d downloadCmd) save(i *invocation, object download.Object) error {
	name, err := object.Save(i.ctx, d.Output, d.Force)
	if errors.As(err, new(*download.ExistsError)) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	size := ""
	if object.Size != nil {
		size = " (" + format.Bytes(*object.Size) + ")"
	}
	_, err = fmt.Fprintf(i.stdout, "downloaded %s as %s%s\n", d.ID, format.Name(name), size)
	return err
}
