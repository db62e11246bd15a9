//go:build race

package main

// Files with the constraint !race test what the race detector has no part in: documents, manifests, and pages in a
// browser that send one request at a time. make test runs them, and make check does not repeat them.
const raceEnabled = true
