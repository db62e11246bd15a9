package localstore_test

import (
	"flag"
	"testing"
)

// TestMain runs more parallel tests at a time than there are processors, because they wait for closing connections.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "16"); err != nil { // -parallel on the command line overrides it
		panic(err)
	}
	m.Run()
}
