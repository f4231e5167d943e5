package errors

import "errors"

// The functions of the standard package errors, so that no file has to import both. Its New is named [Plain].

// Is reports whether any error in err's tree is target, or of the class target.
func Is(err, target error) bool { return errors.Is(err, target) }

// As sets target to the first error in err's tree that fits it, and reports whether there is one.
func As(err error, target any) bool { return errors.As(err, target) }

// Join returns an error that wraps the given ones; nil if all are nil.
func Join(errs ...error) error { return errors.Join(errs...) }

// Plain returns an error of no class.
func Plain(text string) error { return errors.New(text) }

// Unwrap returns the error that err wraps; nil if it wraps none, or several.
func Unwrap(err error) error { return errors.Unwrap(err) }
