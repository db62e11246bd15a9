package bucket

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestListParts: of a part that was sent more than once, the newest counts; one that the store has lost is marked.
func TestListParts(t *testing.T) {
	const (
		newer = "2026-11-30T10:00:01.000Z"
		older = "2026-11-30T10:00:00.000Z"
	)
	for _, c := range []struct {
		name   string
		amazon bool
		more   bool
		listed [][3]string // number, ETag, time
		want   string
	}{
		{"each once", false, false, [][3]string{{"1", "a", older}, {"2", "b", older}}, "1a 2b"},
		{"newest last", false, false, [][3]string{{"1", "a", older}, {"1", "b", newer}, {"2", "c", older}}, "1b 2c"},
		{"newest first", false, false, [][3]string{{"1", "b", newer}, {"1", "a", older}}, "1b"},
		{"the same twice", false, false, [][3]string{{"1", "a", older}, {"1", "a", older}}, "1a"},
		{"newest unknown", false, false, [][3]string{{"1", "a", older}, {"1", "b", older}, {"2", "c", older}}, "1 lost 2c"},
		{"newest known", false, false, [][3]string{{"1", "a", older}, {"1", "b", older}, {"1", "c", newer}}, "1c"},
		{"lost", false, false, [][3]string{{"1", "", older}, {"2", "b", older}}, "1 lost 2b"},
		{"lost, in quotes", false, false, [][3]string{{"1", `""`, older}, {"2", "b", older}}, "1 lost 2b"},
		{"end of a page", false, true, [][3]string{{"1", "a", older}, {"2", "b", older}}, "1a"},
		{"end of a page of Amazon S3", true, true, [][3]string{{"1", "a", older}, {"2", "b", older}}, "1a 2b"},
		{"a page of one number", false, true, [][3]string{{"1", "a", older}, {"1", "b", newer}}, "1b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &fakeStore{answer: func(r *http.Request) (*http.Response, error) {
				response, err := respond(200, "")(r)
				body := fmt.Sprintf("<ListPartsResult><IsTruncated>%v</IsTruncated>", c.more)
				for _, p := range c.listed {
					body += fmt.Sprintf("<Part><PartNumber>%s</PartNumber><ETag>%s</ETag><LastModified>%s</LastModified></Part>",
						p[0], p[1], p[2])
				}
				response.Body = io.NopCloser(strings.NewReader(body + "</ListPartsResult>"))
				return response, err
			}}
			b, _ := openFake(t, w, static())
			b.amazon = c.amazon
			parts, more, err := b.ListParts(t.Context(), Multipart{Key: "k", UploadID: "u"}, 0)
			var got []string
			for _, p := range parts {
				if p.Lost {
					got = append(got, fmt.Sprintf("%d lost", p.Number))
					continue
				}
				got = append(got, fmt.Sprintf("%d%s", p.Number, p.ETag))
			}
			if text := strings.Join(got, " "); err != nil || more != c.more || text != c.want {
				t.Errorf("ListParts: got %q, more %v, %v, want %q, %v", text, more, err, c.want, c.more)
			}
		})
	}
}

// TestRepeatedMarker: a part that a page repeats from the one before is returned once. A list that never goes on is an
// error, and no shorter list.
func TestRepeatedMarker(t *testing.T) {
	page := func(more bool, numbers ...int) string {
		text := fmt.Sprintf("<ListPartsResult><IsTruncated>%v</IsTruncated>", more)
		for _, n := range numbers {
			text += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>a</ETag></Part>", n)
		}
		return text + "</ListPartsResult>"
	}
	for _, c := range []struct {
		pages []string // the last one is repeated
		parts int
		fails bool
	}{
		{[]string{page(true, 1, 2), page(true, 1, 2, 3), page(false, 2, 3, 4)}, 4, false},
		{[]string{page(false, 1, 10000, 1000)}, 3, false},
		{[]string{page(true, 1, 1, 1)}, 0, true},
	} {
		sent := 0
		w := &fakeStore{answer: func(r *http.Request) (*http.Response, error) {
			response, err := respond(200, "")(r)
			response.Body = io.NopCloser(strings.NewReader(c.pages[min(sent, len(c.pages)-1)]))
			sent++
			return response, err
		}}
		b, _ := openFake(t, w, static())
		b.amazon = false
		parts, err := b.AllParts(t.Context(), Multipart{Key: "k", UploadID: "u"})
		if !slices.IsSortedFunc(parts, func(a, b Part) int { return int(a.Number - b.Number) }) {
			t.Errorf("AllParts: got %v, want ascending numbers", parts)
		}
		if len(parts) != c.parts || (err != nil) != c.fails {
			t.Errorf("AllParts: got %v, %v, want %d parts, and an error: %v", parts, err, c.parts, c.fails)
		}
	}
}
