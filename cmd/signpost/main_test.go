package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts and process tests run this binary as signpost: main itself, with its real exit status.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"signpost": func() {
		if mask, err := strconv.ParseInt(os.Getenv(umask), 8, 0); err == nil {
			syscall.Umask(int(mask))
		}
		main()
	}})
}

// umask names the variable with the umask of a command, in octal. Tests do not change their own umask, because
// parallel tests share it.
const umask = "TEST_UMASK"

// atEnd are functions that end what tests share.
var atEnd []func()

type suite struct{ *testing.M }

// Run runs more tests at a time than there are processors, because they wait for processes and timers.
func (s suite) Run() int {
	defer func() {
		for _, end := range atEnd {
			end()
		}
	}()
	if err := flag.Set("test.parallel", "8"); err != nil { // -parallel on the command line overrides it
		panic(err)
	}
	return s.M.Run()
}

// slowTest runs the test in parallel, and skips it in short mode.
func slowTest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
}

// TestScripts runs testdata/*.txtar. Scripts do not inherit the environment of the test.
func TestScripts(t *testing.T) {
	t.Parallel()
	store := startLocal(t, t.TempDir(), "SIGNPOST_DOWNLOADS=true", "SIGNPOST_LISTEN=127.0.0.1:0",
		"SIGNPOST_LOCAL_LISTEN=127.0.0.1:0") // scripts expect this IP address in errors
	faults := newFaulty(t, store)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	spec, err := filepath.Abs("../../openapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	id, secret := store.credentials(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "refused": refused,
			"await": await, "fault": faults.fault},
		Condition: func(name string) (bool, error) {
			if name != "race" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return raceEnabled, nil
		},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars,
				"GORACE="+os.Getenv("GORACE"), // of make race
				"SIGNPOST_LISTEN=127.0.0.1:0", "SIGNPOST_LOCAL_LISTEN=127.0.0.1:0", "AWS_EC2_METADATA_DISABLED=true",
				"SPEC="+spec, "API="+hostOf(t, store.api), "STORE="+hostOf(t, store.store(t)), "SILENT="+silent.Addr().String(),
				"SERVED="+store.dir, "CREDENTIALS="+store.credentialsFile(), "KEY_ID="+id, "SECRET="+secret,
				"SIGNPOST_URL="+store.api, "FAULTY="+faults.service.URL, "XDG_CACHE_HOME="+filepath.Join(e.WorkDir, "cache"),
				"ESCAPE=\x1b[31mred")
			return nil
		},
	})
}

// exits runs a command that must end with a status: exits STATUS COMMAND...
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%q: exit status %d, want %d", args[1:], got, want)
	}
}

// refused runs signpost serve, which must end with status 1, nothing on stdout and one line on stderr:
// refused [VARIABLE=VALUE...] LINE
func refused(ts *testscript.TestScript, _ bool, args []string) {
	last := len(args) - 1
	exits(ts, false, append(append([]string{"1", "env"}, args[:last]...), "signpost", "serve"))
	if got := ts.ReadFile("stdout"); got != "" {
		ts.Fatalf("stdout: got %q, want nothing", got)
	}
	if got, want := ts.ReadFile("stderr"), "signpost: "+os.Expand(args[last], ts.Getenv)+"\n"; got != want {
		ts.Fatalf("stderr: got\n%swant\n%s", got, want)
	}
}
