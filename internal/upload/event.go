package upload

// Kind is what happened.
type Kind string

// The kinds of events. The names are part of the command's output, and stay.
const (
	Started   Kind = "started"   // the import is created, or found again
	Resumed   Kind = "resumed"   // an earlier run had sent Bytes
	Progress  Kind = "progress"  // Bytes more are with the store, or fewer, where they have to be sent again
	Retrying  Kind = "retrying"  // Error; it is tried again
	Finishing Kind = "finishing" // all is sent; the store puts it together, or the service is waited for
	Completed Kind = "completed"
)

// Event is told to Notify.
type Event struct {
	Kind   Kind
	File   string
	ID     string // of the import
	Part   int32  // 0: the whole file
	Bytes  int64
	Total  int64 // of the file; -1 where nobody knows
	Error  error
	Result *Result
}
