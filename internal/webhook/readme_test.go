package webhook_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/webhook"
)

// TestReadmeReceivers runs the receivers of openapi/README.md in Python and Node: they accept each event once, and no
// delivery with another key or an old time.
func TestReadmeReceivers(t *testing.T) {
	readme, err := os.ReadFile("../../openapi/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ language, program, file string }{
		{"python", "python3", "receiver.py"},
		{"js", "node", "receiver.mjs"},
	} {
		t.Run(c.language, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil && os.Getenv("CI") == "" {
				t.Skip(err)
			}
			_, source, _ := strings.Cut(string(readme), "```"+c.language+"\n")
			source, _, _ = strings.Cut(source, "```")
			port := freePort(t)
			file := filepath.Join(t.TempDir(), c.file)
			source = strings.ReplaceAll(source, "9500", strconv.Itoa(port))
			if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			secret := webhook.NewSecret()
			printed := startReceiver(t, c.program, file, secret, port)
			send := func(secret, id string, at time.Time) error {
				key, err := webhook.ParseKey(secret)
				if err != nil {
					t.Fatal(err)
				}
				event := fmt.Appendf(nil, `{"subject":"%s, größer"}`, id)
				return newLocalSender(key).Send(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/", port), id, at, event)
			}
			interrupt(t, port)
			if err := send(webhook.NewSecret(), "forged", time.Now()); err == nil {
				t.Error("got a delivery with another key accepted")
			}
			if err := send(secret, "old", time.Now().Add(-6*time.Minute)); err == nil {
				t.Error("got an old delivery accepted")
			}
			for _, id := range []string{"first", "first", "second"} {
				if err := send(secret, id, time.Now()); err != nil {
					t.Errorf("%s: got %v, want it accepted", id, err)
				}
			}
			for _, want := range []string{`{"subject":"first, größer"}`, `{"subject":"second, größer"}`} {
				if !printed.Scan() || printed.Text() != want {
					t.Fatalf("got event %s, want %s", printed.Text(), want)
				}
			}
		})
	}
}

// startReceiver starts program and waits until it accepts connections. It returns what the program prints.
func startReceiver(t *testing.T, program, file, secret string, port int) *bufio.Scanner {
	t.Helper()
	receiver := exec.Command(program, file)
	receiver.Env, receiver.Stderr = append(os.Environ(), "WEBHOOK_SECRET="+secret), os.Stderr
	output, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = receiver.Process.Kill()
		_ = receiver.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = conn.Close()
			return bufio.NewScanner(output)
		}
	}
	t.Fatalf("%s does not accept connections", program)
	return nil
}

// interrupt closes a connection within the body of a request, and waits until the receiver closes it.
func interrupt(t *testing.T, port int) {
	t.Helper()
	conn, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"))
	if err := errors.Join(err, conn.CloseWrite(), conn.SetReadDeadline(time.Now().Add(30*time.Second))); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // a response, or an error if the receiver resets the connection
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
