package retryafter

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

const date = "Sun, 01 Mar 2026 12:00:00 GMT"

func TestParse(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "3600": time.Hour, "3601": time.Hour, "99999999999999999999999": time.Hour, "-1": 0,
		"1.5": 0, "soon": 0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Mar 2026 11:59:59 GMT": 0,
		"Mon, 02 Mar 2026 12:00:00 GMT": time.Hour, "Sunday, 01-Mar-26 12:01:00 GMT": time.Minute,
	} {
		header := http.Header{"Retry-After": {value}, "Date": {date}}
		if got := Parse(header, time.Hour); got != want {
			t.Errorf("Parse(%q): got %v, want %v", value, got, want)
		}
	}
}

func TestParseWithoutDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := time.Now().UTC().Add(time.Minute).Format(http.TimeFormat)
		if got := Parse(http.Header{"Retry-After": {value}}, time.Hour); got != time.Minute {
			t.Errorf("Parse(%q): got %v, want 1m", value, got)
		}
	})
}
