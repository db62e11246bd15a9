//go:build ignore

// Zip creates the archive for Lambda: go run cmd/lambda/zip.go ARCHIVE BOOTSTRAP. Unlike the zip command's, its bytes
// depend only on BOOTSTRAP.
package main

import (
	"archive/zip"
	"compress/flate"
	"io"
	"log"
	"os"
	"time"
)

func main() {
	if err := write(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func write(archive, bootstrap string) error {
	from, err := os.Open(bootstrap)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer to.Close()
	w := zip.NewWriter(to)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	earliest := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) // the format's first day
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: earliest}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(entry, from); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return to.Close()
}
