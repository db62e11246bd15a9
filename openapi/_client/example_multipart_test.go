package client_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/signpost-s3/signpost/gen/client"
)

// Upload a large file in parts. After an interruption, run it again with the same key: it uploads the missing parts.
func Example_multipart() {
	ctx := context.Background()
	key := os.Getenv("UPLOAD_KEY") // a random UUID, stored until the upload is completed
	c, err := client.NewClientWithResponses(os.Getenv("SIGNPOST_URL"), client.WithAPIKey(os.Getenv("SIGNPOST_API_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Open("video.mp4")
	if err != nil {
		log.Fatal(err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.Check(c.CreateImportWithResponse(ctx, &client.CreateImportParams{IdempotencyKey: &key},
		client.ImportRequest{Mode: client.ImportRequestModeMultipart, Filename: "video.mp4", Size: &size}))
	if err != nil {
		log.Fatal(err)
	}
	id := created.JSON201.ID
	if created.JSON201.Status == client.ImportStatusCompleted {
		return
	}
	after := int32(0)
	for more := true; more; more = after != 0 {
		list, err := client.Check(c.ListPartsWithResponse(ctx, id, &client.ListPartsParams{After: &after}))
		if err != nil {
			log.Fatal(err)
		}
		for _, missing := range list.JSON200.Missing {
			for number := missing.First; number <= missing.Last; number++ {
				signed, err := client.Check(c.SignPartsWithResponse(ctx, id, client.PartsRequest{PartNumbers: []int32{number}}))
				if err != nil {
					log.Fatal(err)
				}
				part := signed.JSON200.Parts[0]
				body := io.NewSectionReader(file, part.Offset, *part.Size)
				if err := part.Send(ctx, http.DefaultClient, body, *part.Size); err != nil {
					log.Fatal(err)
				}
			}
		}
		after = list.JSON200.NextAfter
	}
	if _, err := client.Check(c.CompleteImportWithResponse(ctx, id, client.CompleteRequest{})); err != nil {
		log.Fatal(err)
	}
}
