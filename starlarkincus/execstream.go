package starlarkincus

import (
	"context"
	"sync"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// attend calls the functions of the script while the command runs: stream with each line of the output, and supply for each
// part of the input.
func (c *invocation) attend(cmd *command, stream starlark.Callable, supply *feed.Supplier) (err error) {
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
		cmd.lines = value.NewLines(cmd.encoding, c.args.flag("tty", false))
		pieces = make(chan rest.Piece)
		taking.Go(func() { cmd.take(ctx, pieces) })
	}
	var hungry <-chan struct{}
	if supply != nil {
		hungry = supply.Pipe.Hungry()
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
			more, err := supply.Feed(c.ctx, cmd.exec.Done())
			if err != nil {
				return err
			}
			if !more {
				hungry = nil
			}
		case written:
			cmd.misread = cmd.lines.Add(streamNames[piece.Stream], piece.Data)
		case ended:
			pieces, cmd.misread = nil, cmd.lines.End()
		}
		if cmd.misread != nil { // result returns it; the rest is only collected
			pieces = nil
			cancel()
			taking.Wait()
			cmd.exec.Collect()
		}
		for err == nil {
			line, ok := cmd.lines.Next("")
			if !ok {
				break
			}
			_, err = starlark.Call(c.thread, stream, line.Arguments(stream), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take sends the output to a channel, piece by piece.
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

// giveUp ends the command after a failure of the script's function.
func (cmd *command) giveUp(ctx context.Context) {
	if ctx.Err() != nil {
		cmd.exec.Abandon(ctx)
		return
	}
	builtin.In(ctx).Block(func() { cmd.exec.End(ctx) })
}

// streamNames maps the streams of the protocol to their names in scripts.
var streamNames = map[string]string{rest.Stdout: "stdout", rest.Stderr: "stderr"}
