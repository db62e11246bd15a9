package config

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestWarnUnknown(t *testing.T) {
	const warning = `level=WARN msg="unknown setting ignored" setting=`
	for variable, want := range map[string]string{
		"SIGNPOST_BUKET":       warning + "SIGNPOST_BUKET did_you_mean=SIGNPOST_BUCKET\n",
		"SIGNPOST_BUCKETS":     warning + "SIGNPOST_BUCKETS did_you_mean=SIGNPOST_BUCKET\n",
		"SIGNPOST_FOO":         warning + "SIGNPOST_FOO\n", // 3 edits from SIGNPOST_UI
		"SIGNPOST_XYZZY_PLUGH": warning + "SIGNPOST_XYZZY_PLUGH\n",
		"SIGNPOST_BUCKET":      "", "SIGNPOST_LAMBDA_EVENTS": "", "SIGNPOST_TEST_LARGE": "", "BUKET": "", "AWS_BUKET": "",
	} {
		var log bytes.Buffer
		WarnUnknown(slog.New(slog.NewTextHandler(&log, nil)), []string{"PATH=/bin", variable + "=x"}, SettingNames())
		if _, got, _ := strings.Cut(log.String(), " "); got != want {
			t.Errorf("%s: got %q, want %q", variable, got, want)
		}
	}
}

func TestListenError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = net.Listen("tcp", taken.Addr().String())
	got := ListenError("SIGNPOST_LISTEN", taken.Addr().String(), err).Error()
	for _, want := range []string{"SIGNPOST_LISTEN=", "address already in use",
		"set SIGNPOST_LISTEN to another address, such as 127.0.0.1:0"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if got := ListenError("SIGNPOST_LISTEN", "192.0.2.1:1", syscall.EADDRNOTAVAIL).Error(); strings.Contains(got,
		"stop the program") {
		t.Errorf("another error: got %q, want no advice about a free port", got)
	}
}
