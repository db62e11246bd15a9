package bucket

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestSigned checks that OnSigned counts every URL that is handed out, and no other.
func TestSigned(t *testing.T) {
	count := 0
	keys := &keys{}
	b, _ := openFake(t, &fakeStore{answer: respond(200, "")}, keys)
	b.hooks.OnSigned = func(n int) { count += n }
	from := time.Now()
	until := from.Add(time.Hour)
	parts := func(n int) error {
		plan := make([]Part, n)
		for i := range plan {
			plan[i] = Part{Number: int32(i + 1), Size: 5 << 20}
		}
		_, err := b.SignParts(t.Context(), inProgress, plan, from, until)
		return err
	}
	for _, c := range []struct {
		name string
		sign func() error
		want int
	}{
		{
			"SignPut", func() error { _, err := b.SignPut(t.Context(), Upload{Key: "k", From: from, Until: until}); return err },
			1,
		},
		{"SignForm", func() error {
			_, err := b.SignForm(t.Context(), Upload{Key: "k", From: from, Until: until})
			return err
		}, 1},
		{"SignGet", func() error { _, err := b.SignGet(t.Context(), "k", "inline", from, until); return err }, 1},
		{"SignParts of one", func() error { return parts(1) }, 1},
		{"SignParts of many", func() error { return parts(1000) }, 1000},
		{"SignParts of none", func() error { return parts(0) }, 0},
	} {
		for _, lost := range []error{nil, errors.New("no role")} {
			keys.fail(lost)
			count = 0
			want := c.want
			if lost != nil {
				want = 0
			}
			if err := c.sign(); (err != nil) != (lost != nil) || count != want {
				t.Errorf("%s, credentials %v: got %d, %v, want %d", c.name, lost, count, err, want)
			}
		}
	}
	keys.fail(nil)
	count = 0
	if err := b.CreateRecord(t.Context(), "k", nil); err != nil || count != 0 {
		t.Errorf("CreateRecord: counted %d, %v, want none: that URL is not handed out", count, err)
	}
}

// TestDuration checks that hooks receive a call's whole duration, including the response's body, and 0 for a cut call.
func TestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeStore{answer: func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return failWith(syscall.ECONNRESET)(r)
		}}
		b, _ := openFake(t, w, static())
		var took time.Duration
		b.hooks.OnCall = func(_ context.Context, _, _ string, d time.Duration) { took = d }
		for _, c := range []struct {
			name string
			call func() error
			want time.Duration
		}{
			{"one request", func() error { return listKeys(t.Context(), b, 1) }, time.Second},
			{"our own and the SDK's", func() error { return b.CreateRecord(t.Context(), "k", nil) }, 2 * time.Second},
			{"cut", func() error { return listKeys(t.Context(), b, openAfter) }, 0},
		} {
			if err := c.call(); err == nil || took != c.want {
				t.Errorf("%s: told of %s, %v, want %s", c.name, took, err, c.want)
			}
		}
	})
}
