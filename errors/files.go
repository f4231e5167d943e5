package errors

import (
	"slices"
	"strings"
)

// The status codes of SFTP by which a server reports a failure.
const (
	fileMissing     = 2
	fileDenied      = 3
	fileUnsupported = 8
)

// fileRules give a class to a failure of an operation on a file, by the kernel's text for it. The first match decides.
var fileRules = []struct {
	class *Class
	code  uint32 // 0 for none
	texts []string
}{
	{NotFound, fileMissing, []string{"no such file or directory"}},
	{Permission, fileDenied, []string{"permission denied", "operation not permitted", "read-only file system"}},
	{AlreadyExists, 0, []string{"file exists"}},
	{State, 0, []string{"directory not empty"}},
	{Busy, 0, []string{"device or resource busy", "text file busy"}},
	{Limit, 0, []string{"no space left on device", "disk quota exceeded", "file too large", "too many links", "too many open files"}},
	{BadRequest, 0, []string{"is a directory", "not a directory", "file name too long", "too many levels of symbolic links", "invalid argument", "invalid cross-device link"}},
	{NotImplemented, fileUnsupported, []string{"operation not supported", "function not implemented"}},
}

// NewFile returns the error of a server's answer to an operation on a file, with the status code of SFTP and the
// server's message, which may be empty.
func NewFile(path string, code uint32, message string) *Error {
	reason := message
	if i := strings.LastIndex(message, ": "); i >= 0 {
		reason = message[i+len(": "):] // before it stand the server's own function and path
	}
	e := &Error{Class: API, Object: &Object{Kind: "file", Name: path}}
	for _, r := range fileRules {
		if r.code != 0 && r.code == code || slices.Contains(r.texts, reason) {
			e.Class = r.class
			if reason == "" {
				reason = r.texts[0]
			}
			break
		}
	}
	if reason == "" {
		reason = "the server gives no reason"
	}
	e.Message = path + ": " + reason
	return e
}
