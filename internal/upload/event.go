package upload

// Kind is the kind of an event.
type Kind string

// The kinds of events. The names are part of the output of the command's --json flag and must not change.
const (
	// Started reports that the import was created or found again.
	Started Kind = "started"
	// Resumed reports that an earlier run sent Bytes. They are compared with the file while others are sent.
	Resumed Kind = "resumed"
	// Progress reports that the store acknowledged Bytes, and that Sending more are in flight. Sending is negative when
	// they are acknowledged or the request failed. Bytes is negative if uploaded bytes must be sent again.
	Progress Kind = "progress"
	// Draining reports that the upload was interrupted, and waits for a request that is nearly finished.
	Draining Kind = "draining"
	// Retrying reports that a request failed with Error and is retried.
	Retrying Kind = "retrying"
	// Finishing reports that all bytes are sent and that the upload waits for the store or the service.
	Finishing Kind = "finishing"
	// Completed reports the end of a successful upload.
	Completed Kind = "completed"
)

// Event is passed to Uploader.OnEvent.
type Event struct {
	Kind Kind
	File string
	// ID is the import's id.
	ID string
	// Part is a part number; 0 means the whole file.
	Part           int32
	Bytes, Sending int64
	// Total is the file's size in bytes; -1 means unknown.
	Total  int64
	Error  error
	Result *Result
}
