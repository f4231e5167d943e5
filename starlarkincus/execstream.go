package starlarkincus

import (
	"bytes"
	"context"
	"sync"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// attend calls the script's functions while the command runs: stream with each line of its output, and supply's where it
// wants a part of its input. It returns when neither can be called any more.
func (c *invocation) attend(cmd *command, stream starlark.Callable, supply *supplier) (err error) {
	if stream == nil && supply == nil {
		return nil
	}
	defer func() {
		if err != nil {
			cmd.giveUp(c.ctx)
		}
	}()
	ctx, cancel := context.WithCancel(c.ctx)
	var taking sync.WaitGroup
	defer taking.Wait()
	defer cancel()
	var pieces chan rest.Piece
	if stream != nil {
		cmd.lines = newSplitter(cmd.encoding, c.args.flag("tty", false))
		pieces = make(chan rest.Piece)
		taking.Go(func() { cmd.take(ctx, pieces) })
	}
	var hungry chan struct{}
	if supply != nil {
		hungry = supply.pipe.hungry
	}
	done := cmd.exec.Done()
	for pieces != nil || hungry != nil {
		var piece rest.Piece
		var written, wanted, ended bool
		builtin.Of(c.thread).Block(func() {
			select {
			case piece, written = <-pieces:
				ended = !written
			case <-hungry:
				wanted = true
			case <-done:
				hungry, done = nil, nil
			case <-c.ctx.Done():
			}
		})
		switch {
		case c.ctx.Err() != nil:
			_, err := cmd.exec.Wait(c.ctx)
			return err
		case wanted:
			part, more, err := supply.part(c.name)
			if err != nil {
				return err
			}
			if !more {
				supply.pipe.end()
				hungry = nil
				continue
			}
			if supply.pipe.write(c.ctx, part) != nil { // the reader waits for it
				hungry = nil
			}
		case written:
			err = cmd.lines.add(piece)
		case ended:
			pieces, err = nil, cmd.lines.end()
		}
		for err == nil {
			line, ok := cmd.lines.next("")
			if !ok {
				break
			}
			_, err = starlark.Call(c.thread, stream, line.arguments(stream), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take passes the output on, piece by piece.
func (cmd *command) take(ctx context.Context, pieces chan<- rest.Piece) {
	defer close(pieces)
	for {
		piece, err := cmd.exec.Next(ctx)
		if err != nil {
			return
		}
		select {
		case pieces <- piece:
		case <-ctx.Done():
			return
		}
	}
}

// giveUp ends the command where the script goes on without it.
func (cmd *command) giveUp(ctx context.Context) {
	if ctx.Err() != nil {
		cmd.exec.Abandon(ctx)
		return
	}
	builtin.In(ctx).Block(func() { cmd.exec.End(ctx) })
}

// maxLine is the size of the longest line that is passed on whole, in bytes.
const maxLine = 1 << 20

// A line is one of a command's output.
type line struct {
	stream string // stdout or stderr
	text   starlark.Value
}

// arguments returns what a function is called with for the line: with both where it has to be given two arguments.
func (l line) arguments(fn starlark.Callable) starlark.Tuple {
	if f, ok := fn.(*starlark.Function); ok && f.NumParams()-f.NumKwonlyParams() >= 2 && f.ParamDefault(1) == nil && !(f.HasVarargs() && f.NumParams() == 2) {
		return starlark.Tuple{l.text, starlark.String(l.stream)}
	}
	return starlark.Tuple{l.text}
}

// A splitter makes lines of the pieces of a command's output.
type splitter struct {
	encoding string
	terminal bool
	parts    map[string][]byte // of lines that aren't complete, by stream
	ready    []line
	some     bool           // there was output
	last     starlark.Value // the last line of stderr that isn't empty
	over     bool           // nothing more comes
}

func newSplitter(encoding string, terminal bool) *splitter {
	return &splitter{encoding: encoding, terminal: terminal, parts: make(map[string][]byte)}
}

var streamNames = map[string]string{rest.Stdout: "stdout", rest.Stderr: "stderr"}

// add adds a piece.
func (s *splitter) add(p rest.Piece) error {
	s.some = s.some || len(p.Data) > 0
	data := p.Data
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		if err := s.complete(p.Stream, append(s.parts[p.Stream], data[:i]...)); err != nil {
			return err
		}
		s.parts[p.Stream], data = nil, data[i+1:]
	}
	s.parts[p.Stream] = append(s.parts[p.Stream], data...)
	if len(s.parts[p.Stream]) < maxLine {
		return nil
	}
	err := s.complete(p.Stream, s.parts[p.Stream])
	s.parts[p.Stream] = nil
	return err
}

// end makes lines of what is left.
func (s *splitter) end() error {
	s.over = true
	for _, stream := range []string{rest.Stdout, rest.Stderr} {
		if left := s.parts[stream]; len(left) > 0 {
			s.parts[stream] = nil
			if err := s.complete(stream, left); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *splitter) complete(stream string, data []byte) error {
	if s.terminal {
		data = bytes.TrimSuffix(data, []byte("\r"))
	}
	text, err := value.Output(streamNames[stream], data, s.encoding)
	if err != nil {
		return err
	}
	if stream == rest.Stderr && len(bytes.TrimSpace(data)) > 0 {
		s.last = text
	}
	s.ready = append(s.ready, line{streamNames[stream], text})
	return nil
}

// next takes the next line, of one stream or of any.
func (s *splitter) next(stream string) (line, bool) {
	for s != nil && len(s.ready) > 0 {
		l := s.ready[0]
		s.ready[0] = line{}
		s.ready = s.ready[1:]
		if stream == "" || l.stream == stream {
			return l, true
		}
	}
	return line{}, false
}

// any reports whether there was output; of no splitter, that there was none.
func (s *splitter) any() bool { return s != nil && s.some }

// lastError returns the last line of stderr that isn't empty; nil for none.
func (s *splitter) lastError() starlark.Value {
	if s == nil {
		return nil
	}
	return s.last
}
