package terminal

import "golang.org/x/sys/windows"

// enableEscapes makes a console interpret escape sequences, and reports whether it can.
func enableEscapes(fd int) bool {
	var mode uint32
	console := windows.Handle(fd)
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
