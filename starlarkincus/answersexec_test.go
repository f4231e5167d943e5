package starlarkincus_test

// outputOf returns the output on a command's websocket; nil if it sends nothing, not even an end.
func (a *answers) outputOf(stream string) []byte {
	text := func(name, otherwise string) []byte {
		if own, has := a.texts[name]; has {
			otherwise = own
		}
		return []byte(otherwise)
	}
	switch {
	case stream == "1", stream == "0" && a.terminal:
		return text("stdout", "text")
	case stream == "2":
		return text("stderr", "")
	}
	return nil
}

// down sets whether all requests are dropped.
func (a *answers) down(lost bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = lost
	a.closeFiles()
}
