package localstore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/versity/versitygw/backend/meta"
)

// offsets is as long as versitygw's attribute for 10,000 parts: 8 bytes each, up to 15 digits in JSON.
var offsets = bytes.Repeat([]byte("109951162777600,"), 10_000)

// TestLargeAttributes checks that attributes of any length are stored and read on ext4 and tmpfs, and that their
// files are removed with them.
func TestLargeAttributes(t *testing.T) {
	for name, parent := range map[string]string{"temporary folder": "", "tmpfs": "/dev/shm"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := os.Stat(parent); parent != "" && err != nil {
				t.Skipf("there is no %s", parent)
			} else if parent != "" {
				if dir, err = os.MkdirTemp(parent, "signpost-"); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { os.RemoveAll(dir) })
			}
			t.Chdir(dir)
			err := errors.Join(os.MkdirAll("store/b/folder", 0o700), os.WriteFile("store/b/folder/o", nil, 0o600))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(filepath.Join(dir, "store"))
			if works, err := xattrsWork("."); !works {
				t.Skipf("no extended attributes in %s: %v", dir, err)
			}
			a, err := openAttributes(filepath.Join(dir, "attributes"))
			if err != nil {
				t.Fatal(err)
			}
			const object = "folder/o"
			earlier := bytes.Repeat([]byte("e"), 2000)
			if err := (meta.XattrMeta{}).StoreAttribute(nil, "b", object, "earlier", earlier); err != nil {
				t.Fatal(err)
			}
			want := func(attribute string, value []byte) {
				t.Helper()
				if got, err := a.RetrieveAttribute(nil, "b", object, attribute); err != nil || !bytes.Equal(got, value) {
					t.Errorf("attribute %s: got %d bytes, %v, want %d", attribute, len(got), err, len(value))
				}
			}
			files := func(n int) {
				t.Helper()
				if got := countFiles(t, a.dir); got != n {
					t.Errorf("got %d side files, want %d", got, n)
				}
			}
			want("earlier", earlier) // as the previous version stored it
			files(0)
			for _, value := range [][]byte{offsets, bytes.Repeat([]byte("x"), maxInline+1), []byte("short"), offsets} {
				if err := a.StoreAttribute(nil, "b", object, "offsets", value); err != nil {
					t.Fatal(err)
				}
				want("offsets", value)
			}
			files(1)
			if err := a.DeleteAttribute("b", object, "offsets"); err != nil {
				t.Fatal(err)
			}
			files(0)
			if err := a.StoreAttribute(nil, "b", object, "offsets", offsets); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove("b/"+object), a.DeleteAttributes("b", object)); err != nil {
				t.Fatal(err)
			}
			files(0)
		})
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOrphanedSideFiles checks that the next start removes what a killed process left, and keeps what objects refer to.
func TestOrphanedSideFiles(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	err := errors.Join(os.MkdirAll(filepath.Join(store, "b"), 0o700),
		os.WriteFile(filepath.Join(store, "b", "o"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(store)
	if works, err := xattrsWork("."); !works {
		t.Skipf("no extended attributes: %v", err)
	}
	a, err := openAttributes(filepath.Join(dir, "attributes"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StoreAttribute(nil, "b", "o", "offsets", offsets); err != nil {
		t.Fatal(err)
	}
	for _, object := range []string{"o", "gone"} {
		name := sideName("offsets", "of an object that was never published")
		if err := a.storeSide("b", object, name, offsets); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.pruneAll(); err != nil {
		t.Fatal(err)
	}
	if got, err := a.RetrieveAttribute(nil, "b", "o", "offsets"); err != nil || !bytes.Equal(got, offsets) ||
		countFiles(t, a.dir) != 1 {
		t.Errorf(
			"after the start: got %d bytes, %v, and %d files, want the value in its one file",
			len(got),
			err,
			countFiles(t, a.dir),
		)
	}
}
