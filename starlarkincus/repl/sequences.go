package repl

import "strings"

// A terminal sends keys and reports as escape sequences, and sends reports unasked, as when the window gets the focus, or as late
// answers to the questions of an earlier program. A sequences passes on the keys that the line editor has, and drops all else.
// Most keys have a control character, which the editor can't take apart.
type sequences struct {
	state  sequenceState
	params []byte // of a control sequence
	left   int    // bytes of a report of fixed length
}

type sequenceState int

const (
	outside        sequenceState = iota
	afterEscape                  // ESC
	inControl                    // CSI: ESC [
	inSingle                     // SS3: ESC O
	inIgnored                    // SS2, and the function keys of Linux's console: one letter follows
	inPosition                   // of the mouse: left bytes follow
	inCharacter                  // Alt with a character beyond ASCII: left continuation bytes follow
	inString                     // OSC, DCS, PM, APC and SOS, until ST or BEL
	inStringEscape               // ESC in a string
)

// maxParams limits the stored part of a control sequence. No key has one as long.
const maxParams = 32

const (
	escByte = 0x1b
	belByte = 0x07
	canByte = 0x18
	subByte = 0x1a
	bsByte  = 0x08
	delByte = 0x7f
)

// Keys for the line editor.
const (
	keyUp, keyDown           = "\x10", "\x0e"
	keyLeft, keyRight        = "\x02", "\x06"
	keyHome, keyEnd          = "\x01", "\x05"
	keyWordLeft              = "\x1bb"
	keyWordRight             = "\x1bf"
	keyDelete                = "\x1b[3~"
	keyShiftTab              = "\x1b[Z"
	keyDeleteWord, keyRotate = "\x1bd", "\x1by"
	keyEraseWord             = "\x1b\x7f"
	keyNothing               = "\x00" // ends a search or a completion
)

// pasteBegins stands for the mark of pasted text among the keys of add.
const pasteBegins = pasteStart

// within reports whether a sequence has begun.
func (s *sequences) within() bool { return s.state != outside }

// add takes the next byte of a sequence, which starts with ESC. It returns a key if the sequence is complete and is one.
// Otherwise taken is false if the byte doesn't belong to the sequence, which has ended before it.
func (s *sequences) add(b byte) (key string, taken bool) {
	switch s.state {
	case afterEscape:
		return s.addEscaped(b)
	case inControl, inSingle:
		return s.addControl(b)
	case inIgnored:
		s.state = outside
		return "", b >= ' '
	case inPosition:
		if s.left--; s.left == 0 {
			s.state = outside
		}
		return "", true
	case inCharacter:
		if b&0xc0 != 0x80 {
			s.state = outside
			return "", false
		}
		if s.left--; s.left == 0 {
			s.state = outside
		}
		return "", true
	case inString:
		switch b {
		case belByte, canByte, subByte:
			s.state = outside
		case interruptKey:
			s.state = outside
			return "", false
		case escByte:
			s.state = inStringEscape
		}
		return "", true
	case inStringEscape:
		if b == '\\' {
			s.state = outside
			return "", true
		}
		return s.addEscaped(b)
	}
	if b == escByte {
		s.state = afterEscape
	}
	return "", b == escByte
}

// addEscaped takes the byte after ESC.
func (s *sequences) addEscaped(b byte) (key string, taken bool) {
	s.state, s.params = outside, s.params[:0]
	switch {
	case b == escByte:
		s.state = afterEscape
	case b == '[':
		s.state = inControl
	case b == 'O':
		s.state = inSingle
	case b == 'N':
		s.state = inIgnored
	case strings.IndexByte("]P^_X", b) >= 0:
		s.state = inString
	case b == bsByte, b == delByte:
		return keyEraseWord, true
	case b < ' ':
		return "", false
	case b >= 0xc0:
		s.state, s.left = inCharacter, 1
		if b >= 0xe0 {
			s.left++
		}
		if b >= 0xf0 {
			s.left++
		}
	}
	for _, alt := range []string{keyWordLeft, keyWordRight, keyDeleteWord, keyRotate} {
		if alt[1] == b {
			return alt, true
		}
	}
	return "", true
}

// addControl takes the next byte after ESC [ or ESC O.
func (s *sequences) addControl(b byte) (key string, taken bool) {
	state := s.state
	switch {
	case b == escByte:
		s.state = afterEscape
		return "", true
	case b < ' ', b >= delByte:
		s.state = outside
		return "", false
	case b < '@':
		if len(s.params) < maxParams {
			s.params = append(s.params, b)
		}
		return "", true
	}
	s.state = outside
	switch params := string(s.params); {
	case state == inSingle:
		return singleKey(params, b), true
	case params == "" && b == '[':
		s.state = inIgnored
	case params == "" && b == 'M':
		s.state, s.left = inPosition, 3
	default:
		return controlKey(params, b), true
	}
	return "", true
}

// end ends a sequence of which no more comes. ESC alone is a key.
func (s *sequences) end() (key string) {
	if s.state == afterEscape {
		key = string(rune(escByte))
	}
	s.state = outside
	return key
}

// singleKey returns the key of a sequence that starts with ESC O; empty for none.
func singleKey(params string, final byte) string {
	switch final {
	case 'M':
		return "\r"
	case 'c':
		return keyWordRight
	case 'd':
		return keyWordLeft
	case 'A', 'B', 'C', 'D', 'F', 'H':
		if len(params) == 1 {
			params = "1;" + params
		}
		return controlKey(params, final)
	}
	return ""
}

// controlKey returns the key of a sequence that starts with ESC [; empty for none.
func controlKey(params string, final byte) string {
	first, modifier, modified := strings.Cut(params, ";")
	if modified && (len(modifier) != 1 || modifier < "2" || modifier > "8") {
		return ""
	}
	word := modified && modifier > "2" // Alt or Ctrl
	if final == '~' {
		switch first {
		case "1", "7":
			return keyHome
		case "4", "8":
			return keyEnd
		case "3":
			return keyDelete
		case "200":
			if !modified {
				return pasteBegins
			}
		}
		return ""
	}
	if modified && first != "1" || !modified && first != "" {
		return ""
	}
	switch {
	case final == 'A':
		return keyUp
	case final == 'B':
		return keyDown
	case final == 'C' && word:
		return keyWordRight
	case final == 'C':
		return keyRight
	case final == 'D' && word:
		return keyWordLeft
	case final == 'D':
		return keyLeft
	case final == 'F':
		return keyEnd
	case final == 'H':
		return keyHome
	case final == 'Z':
		return keyShiftTab
	}
	return ""
}
