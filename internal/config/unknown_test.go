package config

import (
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestUnknownSettings(t *testing.T) {
	for variable, want := range map[string]string{
		"SIGNPOST_BUKET":       "SIGNPOST_BUKET is not a setting and has no effect; did you mean SIGNPOST_BUCKET?",
		"SIGNPOST_BUCKETS":     "SIGNPOST_BUCKETS is not a setting and has no effect; did you mean SIGNPOST_BUCKET?",
		"SIGNPOST_FOO":         "SIGNPOST_FOO is not a setting and has no effect", // 3 edits from SIGNPOST_UI
		"SIGNPOST_XYZZY_PLUGH": "SIGNPOST_XYZZY_PLUGH is not a setting and has no effect",
		"SIGNPOST_BUCKET":      "", "SIGNPOST_LAMBDA_EVENTS": "", "SIGNPOST_TEST_LARGE": "", "BUKET": "", "AWS_BUKET": "",
	} {
		var wanted []string
		if want != "" {
			wanted = []string{want}
		}
		if got := UnknownSettings([]string{"PATH=/bin", variable + "=x"}, SettingNames()); !slices.Equal(got, wanted) {
			t.Errorf("%s: got %q, want %q", variable, got, wanted)
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
