package httpapi

import (
	"bufio"
	"io"
	"strconv"
	"time"

	"github.com/signpost-s3/signpost/gen/api"
	"github.com/signpost-s3/signpost/internal/imports"
)

// writeSignedParts writes the JSON of api.SignedParts. C.JSON would make a call for 1,000 parts cost 80 % more
// (BenchmarkSignParts).
func writeSignedParts(w io.Writer, parts []imports.SignedPart) error {
	b := bufio.NewWriterSize(w, min(len(parts), 32)<<10) // a part needs about 1 KiB
	_, _ = b.WriteString(`{"parts":[`)                   // Flush returns the first error
	for i, p := range parts {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		_, _ = b.Write(appendSignedPart(b.AvailableBuffer(), p))
	}
	_, _ = b.WriteString("]}\n")
	return b.Flush()
}

// appendSignedPart appends the JSON of an api.SignedPart. None of its strings needs escaping: the header values are
// numbers and base64.
func appendSignedPart(b []byte, p imports.SignedPart) []byte {
	b = strconv.AppendInt(append(b, `{"part_number":`...), int64(p.Number), 10)
	b = strconv.AppendInt(append(b, `,"offset":`...), p.Offset, 10)
	if p.Size > 0 {
		b = strconv.AppendInt(append(b, `,"size":`...), p.Size, 10)
	}
	b = append(append(b, `,"method":"`...), p.Method...)
	b = append(append(b, `","url":"`...), p.URL.Reveal()...)
	b = append(b, `","headers":{`...)
	for i, h := range p.Headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), h.Name...), `":"`...)
		b = append(append(b, h.Value...), '"')
	}
	b = p.ExpiresAt.AppendFormat(append(b, `},"expires_at":"`...), time.RFC3339)
	return append(b, `"}`...)
}

func apiPartList(page imports.PartPage) api.PartList {
	list := api.PartList{
		Parts:     make([]api.Part, len(page.Parts)),
		Missing:   make([]api.PartRange, len(page.Missing)),
		NextAfter: optional(page.Next),
	}
	for i, p := range page.Parts {
		list.Parts[i] = api.Part{
			PartNumber: p.Number, Size: p.Size, ETag: optional(p.ETag), Checksum: optional(p.Checksum),
		}
	}
	for i, gap := range page.Missing {
		list.Missing[i] = api.PartRange{First: gap.First, Last: gap.Last}
	}
	return list
}
