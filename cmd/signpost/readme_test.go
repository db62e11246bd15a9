//go:build !race

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the commands that call the API, of the root README and then of openapi, against a real service.
func TestReadme(t *testing.T) {
	slowTest(t)
	needs(t, "curl", "cut", "grep", "sed", "dd", "openssl")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	usesService := regexp.MustCompile("127.0.0.1:8080|send_part").MatchString
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			script := commandsOf(t, "../../README.md", usesService) + commandsOf(t, "../../openapi/README.md", usesService)
			folder := checkout(t)
			if err := os.WriteFile(filepath.Join(folder, "README.md"), readme, 0o600); err != nil {
				t.Fatal(err)
			}
			p := startLocal(t, filepath.Join(folder, "data"))
			said := runCommands(t, shell, strings.ReplaceAll(script, "http://127.0.0.1:8080", p.api), folder)
			if !strings.Contains(said, `"missing":[{"first":2,"last":2}]`) ||
				strings.Count(said, `"status":"completed"`) != 4 || strings.Contains(said, "<Error>") {
				t.Errorf("got\n%s\nwant a missing part, four responses of completed imports and no error", said)
			}
			big, err := os.ReadFile(filepath.Join(folder, "big"))
			if err != nil {
				t.Fatal(err)
			}
			checkStored(t, folder, map[string]int{string(readme): 2, "hello\n": 2, string(big): 1})
		})
	}
}

// checkStored checks that the store in folder has exactly these contents, each in so many objects.
func checkStored(t *testing.T, folder string, want map[string]int) {
	t.Helper()
	stored, err := filepath.Glob(filepath.Join(folder, "data/store/signpost/imports/public/*"))
	if err != nil {
		t.Fatal(err)
	}
	found, total := map[string]int{}, 0
	for _, name := range stored {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[string(content)]++
	}
	for content, n := range want {
		total += n
		if found[content] != n {
			t.Errorf("stored: got %d objects of %.20q, want %d", found[content], content, n)
		}
	}
	if len(stored) != total {
		t.Errorf("stored: got %d objects, want %d", len(stored), total)
	}
}

// TestReadmeCommandsPaste checks that each command runs when it is pasted: an interactive zsh passes a comment to the
// command, and make build does not put signpost on the PATH. The README of this command adds it to the PATH first.
func TestReadmeCommandsPaste(t *testing.T) {
	t.Parallel()
	const withPath, withoutPath = `(^|\s)#|bin/signpost `, `(^|\s)#|(^|[|(&;]\s*)signpost `
	for readme, pattern := range map[string]string{
		"README.md": withPath, "OPERATIONS.md": withPath, "../../README.md": withoutPath, "../lambda/README.md": withoutPath,
		"../../openapi/README.md": withoutPath, "../../internal/web/README.md": withoutPath,
		"../../internal/README.md": withoutPath,
	} {
		unpasteable := regexp.MustCompile(pattern)
		for line := range strings.Lines(commandsOf(t, readme, func(string) bool { return true })) {
			if unpasteable.MatchString(line) {
				t.Errorf("%s: got %q, want no comment and the name of signpost that the README uses", readme, line)
			}
		}
	}
	usesSignpost := regexp.MustCompile(`\bsignpost `).MatchString
	if !strings.HasPrefix(commandsOf(t, "README.md", usesSignpost), "export PATH=") {
		t.Error("README.md uses signpost before it adds bin to the PATH")
	}
}

// notRun matches blocks of the README that need a bucket, a store or a host of the reader, that run until an interrupt,
// or that other tests run.
var notRun = regexp.MustCompile(
	`^(make|signpost serve|signpost listen|mc|curl|aws|kubectl|sudo)\b|SIGNPOST_BUCKET|webhook-secrets|OTEL_`)

// TestReadmeCommands runs the commands of README.md and OPERATIONS.md.
func TestReadmeCommands(t *testing.T) {
	slowTest(t)
	needs(t, "cut", "grep", "tar")
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			folder := checkout(t)
			files := map[string]string{"report.csv": "report", "notes.txt": "notes", "photos/a.jpg": "photo"}
			if err := os.Mkdir(filepath.Join(folder, "photos"), 0o700); err != nil {
				t.Fatal(err)
			}
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			store := "SIGNPOST_LOCAL_LISTEN=" + freeAddress(t)
			p := startLocal(t, filepath.Join(folder, "data"), "SIGNPOST_DOWNLOADS=true", store)
			runs := func(block string) bool { return !notRun.MatchString(block) }
			commands := commandsOf(t, "README.md", runs) + commandsOf(t, "OPERATIONS.md", runs)
			said := runCommands(t, shell, commands, folder, "SIGNPOST_URL="+p.api, store)
			for _, want := range []string{
				"uploaded report.csv as ", "uploaded photos/a.jpg as ", "uploaded notes.txt as ", "uploaded photos.tar as ",
				"  completed\n", "RELATIVE PATH", "downloaded ", "deleted ", " passed, ", noDeadEvents,
			} {
				if !strings.Contains(said, want) {
					t.Errorf("got\n%s\nwant %q in it", said, want)
				}
			}
			checkStored(t, folder, map[string]int{"report": 1, "notes": 1, "photo": 1})
			for name, pattern := range map[string]string{
				"keys": `(?m)^alice `, "openapi.yaml": `(?m)^openapi: `, "_signpost": `^#compdef signpost`,
				"photos-copy.tar": `photos/a\.jpg`,
			} {
				content, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil || !regexp.MustCompile(pattern).Match(content) {
					t.Errorf("%s: got %.100q, %v, want %s", name, content, err, pattern)
				}
			}
		})
	}
}

// TestReadmeWebhookKeys runs what OPERATIONS.md says about webhook keys. It ends with the secret of a host.
func TestReadmeWebhookKeys(t *testing.T) {
	t.Parallel()
	commands := commandsOf(t, "OPERATIONS.md", regexp.MustCompile("webhooks keygen > ").MatchString)
	if commands == "" {
		t.Fatal("OPERATIONS.md has no commands for webhook keys")
	}
	for _, shell := range shells {
		folder := checkout(t)
		printed := runCommands(t, shell, `export PATH="$PWD/bin:$PATH"`+"\n"+commands, folder)
		if !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=\n$`).MatchString(printed) {
			t.Errorf("%s: got %s, want one secret", shell, printed)
		}
		file, err := os.Stat(filepath.Join(folder, "webhook-secrets"))
		if err != nil || file.Mode() != 0o600 {
			t.Errorf("webhook-secrets: got %v, %v, want mode 0600", file, err)
		}
	}
}
