package download

import "testing"

// TestSafeName: the download of every filename is a visible regular file in the current folder.
func TestSafeName(t *testing.T) {
	const fallback = "01890000-0000-7000-8000-000000000000"
	for filename, want := range map[string]string{
		"report.csv": "report.csv", "résumé 日本.pdf": "résumé 日本.pdf", "a b.tar.gz": "a b.tar.gz",
		"": fallback, "/": fallback, "a/": fallback, ".": "_", "..": "__", "../../etc/passwd": "passwd",
		`..\..\boot.ini`: "boot.ini",
		".bash_aliases":  "_.bash_aliases", "x/.profile": "_.profile", "-rf": "_-rf", "--help": "_--help",
		"~root":                 "_~root",
		"a\x1b[2J\nb\u202e.csv": "a_[2J_b_.csv", "C:evil": "C_evil", "a:stream": "a_stream", "a?*.csv": "a__.csv",
		"CON": "_CON", "nul.txt": "_nul.txt", "com1": "_com1", "LPT9.tar.gz": "_LPT9.tar.gz",
		"console": "console", "com10": "com10",
		"a.csv.": "a.csv_", "a.csv. .": "a.csv___", "nul .txt": "_nul .txt",
	} {
		if got := safeName(filename, fallback); got != want {
			t.Errorf("%q: got %q, want %q", filename, got, want)
		}
	}
}
