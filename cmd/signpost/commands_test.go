package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shells are the shells in which each command of the READMEs runs.
var shells = []string{"bash", "zsh"}

// commandsOf returns the commands of the blocks of a README for which matches returns true.
func commandsOf(t *testing.T, readme string, matches func(block string) bool) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if matches(block[1]) {
			script.WriteString(block[1])
		}
	}
	return script.String()
}

// runCommands runs commands in shell, in a folder like a checkout, and returns what they print.
func runCommands(t *testing.T, shell, commands, folder string, env ...string) string {
	t.Helper()
	needs(t, shell)
	command := exec.Command(shell, "-e", "-c", commands)
	command.Dir, command.Env = folder, append(cleanEnv(t), env...)
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, printed)
	}
	return string(printed)
}

// checkout returns a folder with bin/signpost, as make build leaves it.
func checkout(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("signpost")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(folder, "bin/signpost")); err != nil {
		t.Fatal(err)
	}
	return folder
}
