package upload

// identity distinguishes versions of a file that have the same size and modification time, which programs can set. It
// is zero on systems that do not report it. It has no device: the numbers of devices change when a system starts.
type identity struct {
	Inode uint64 `json:"inode,omitempty"`
	// Changed is the ctime in nanoseconds since 1970. The system sets it when the content or the metadata change.
	Changed int64 `json:"changed,omitempty"`
}
