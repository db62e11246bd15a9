package client_test

import (
	"bytes"
	"context"
	"log"
	"net/http"
	"os"

	"github.com/signpost-s3/signpost/gen/client"
)

// Upload a file in one request.
func Example_single() {
	ctx := context.Background()
	c, err := client.NewClientWithResponses(os.Getenv("SIGNPOST_URL"), client.WithAPIKey(os.Getenv("SIGNPOST_API_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile("report.csv")
	if err != nil {
		log.Fatal(err)
	}
	size := int64(len(content))
	created, err := client.Check(c.CreateImportWithResponse(ctx, nil,
		client.ImportRequest{Mode: client.ImportRequestModeSingle, Filename: "report.csv", Size: &size}))
	if err != nil {
		log.Fatal(err)
	}
	if err := created.JSON201.Upload.Send(ctx, http.DefaultClient, bytes.NewReader(content), size); err != nil {
		log.Fatal(err)
	}
	log.Print("uploaded as import ", created.JSON201.ID)
}
