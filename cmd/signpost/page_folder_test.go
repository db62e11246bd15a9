//go:build !race

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/text/unicode/norm"
)

// TestPageFolder: files of folders that are dropped or chosen keep their relative path, which begins with the folder's
// name, and the page shows it. Files that are dropped alone have none.
func TestPageFolder(t *testing.T) {
	browserTest(t)
	p := startLocal(t, t.TempDir())
	for name, send := range map[string]func(b *tab, folder string){
		"dropped": func(b *tab, folder string) { b.drop(folder) },
		"chosen": func(b *tab, folder string) {
			b.do(chromedp.SetUploadFiles(chromedp.CSS("#folder"), []string{folder}))
		},
	} {
		b := browse(t, p)
		root := filepath.Join(t.TempDir(), name)
		inner := filepath.Join(root, "100 % 😀", norm.NFD.String("Größe"))
		if err := os.MkdirAll(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		paths := map[string]string{
			filepath.Join(root, name+"-top.txt"):                   name + "/" + name + "-top.txt",
			filepath.Join(inner, norm.NFD.String("é")+name+".txt"): name + "/100 % 😀/Größe/é" + name + ".txt",
		}
		for file, want := range paths {
			if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		send(b, root)
		for file, want := range paths {
			id := b.state(filepath.Base(file), "completed")
			p.holds(t, id, []byte(want))
			if job := p.read(t, id); job.RelativePath != want {
				t.Errorf("%s: got relative path %+v, want %q", file, job.RelativePath, want)
			}
			b.until("the path is shown with the recent imports", fmt.Sprintf(
				`[...document.querySelectorAll("#recent li")].some((li) => li.firstElementChild.innerText === %q)`, want))
		}
	}
	b := browse(t, p)
	path, _ := randomFile(t, "alone.txt", 5)
	b.drop(path)
	if job := p.read(t, b.state("alone.txt", "completed")); job.RelativePath != "" {
		t.Errorf("a file without a folder: got relative path %q, want none", job.RelativePath)
	}
}
