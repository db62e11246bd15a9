package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/signpost-s3/signpost/gen/client"
	"github.com/signpost-s3/signpost/internal/bucket"
	"github.com/signpost-s3/signpost/internal/httpapi"
	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/testing/storetest"
)

// Create an import with the generated client, upload with net/http, and read the import's status.
func Example() {
	ctx := context.Background()
	signpost, err := client.NewClientWithResponses(exampleServer(),
		client.WithHTTPClient(&http.Client{Timeout: 30 * time.Second}))
	if err != nil {
		panic(err)
	}

	file := exampleFile("id,amount\n1,42\n")
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		panic(err)
	}
	size, name := info.Size(), "orders.csv"
	created, err := signpost.CreateImportWithResponse(ctx, nil, client.ImportRequest{Filename: name, Size: &size})
	if err != nil {
		panic(err)
	}
	if created.JSON201 == nil { // an API error is not a Go error: read the problem document
		panic(string(created.Body))
	}

	upload := created.JSON201.Upload
	request, err := http.NewRequestWithContext(ctx, string(upload.Method), upload.URL, file)
	if err != nil {
		panic(err)
	}
	for header, value := range upload.Headers { // the signature covers all of them
		request.Header.Set(header, value)
	}
	request.ContentLength = size // net/http ignores the header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	fmt.Println("upload:", response.StatusCode)

	read, err := signpost.GetImportWithResponse(ctx, created.JSON201.ID, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println("import:", read.JSON200.Status, *read.JSON200.Size, "bytes")
	// Output:
	// upload: 200
	// import: completed 15 bytes
}

func exampleFile(content string) *os.File {
	file, err := os.CreateTemp("", "example")
	if err != nil {
		panic(err)
	}
	os.Remove(file.Name()) // it stays until it is closed
	if _, err := file.WriteString(content); err != nil {
		panic(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		panic(err)
	}
	return file
}

// exampleServer runs the service until the test binary ends.
func exampleServer() string {
	target, err := storetest.Start()
	if err != nil {
		panic(err)
	}
	b, err := bucket.Open(context.Background(),
		bucket.Options{Name: target.Bucket, AWS: target.AWS, PathStyle: target.PathStyle})
	if err != nil {
		panic(err)
	}
	handler := httpapi.New(httpapi.Options{
		Service: &imports.Service{Bucket: b, Limits: imports.Limits{URLTTL: time.Hour}, Now: time.Now},
		Ready:   b.Check,
		Log:     slog.New(slog.DiscardHandler),
	})
	return httptest.NewServer(handler).URL
}
