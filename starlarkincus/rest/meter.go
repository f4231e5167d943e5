package rest

import "io"

// A Progress shows to a person the progress of operations and transfers that take long. Its methods, and those of its
// meters, may be called from any goroutine.
type Progress interface {
	// Begin starts to show an operation or a transfer. Label describes it, such as "Creating instance web1". Total is
	// the size of a transfer in bytes; negative if unknown.
	Begin(label string, total int64) Meter
}

// A Meter shows the progress of one operation or transfer.
type Meter interface {
	// Add adds transferred bytes.
	Add(n int64)
	// Report sets the progress of an operation.
	Report(Step)
	// End removes the meter. It may be called more than once.
	End()
}

// A Step is the progress of an operation at one time.
type Step struct {
	Stage   string // name of the part of the work; empty for none
	Percent int    // of the stage; negative if unknown
	Bytes   int64  // processed in the stage; 0 if unknown
	Speed   int64  // bytes per second; 0 if unknown
}

// A Transfer shows the progress of one transfer. A nil Transfer shows nothing.
type Transfer struct{ meter Meter }

// Transfer starts to show a transfer. The caller must call Done at its end. Label describes the transfer, such as
// "Pushing /srv/data to web1"; a negative total is unknown. Without [Config.Progress], Transfer returns nil, which is
// usable.
func (c *Client) Transfer(label string, total int64) *Transfer {
	if c.config.Progress == nil {
		return nil
	}
	return &Transfer{c.config.Progress.Begin(label, total)}
}

// Add adds transferred bytes.
func (t *Transfer) Add(n int64) {
	if t != nil {
		t.meter.Add(n)
	}
}

// Done ends the transfer.
func (t *Transfer) Done() {
	if t != nil {
		t.meter.End()
	}
}

// Reader returns a reader of r that counts the bytes.
func (t *Transfer) Reader(r io.Reader) io.Reader {
	if t == nil {
		return r
	}
	return countingReader{r, t}
}

// Writer returns a writer to w that counts the bytes.
func (t *Transfer) Writer(w io.Writer) io.Writer {
	if t == nil {
		return w
	}
	return countingWriter{w, t}
}

type countingReader struct {
	io.Reader
	transfer *Transfer
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.transfer.Add(int64(n))
	return n, err
}

type countingWriter struct {
	io.Writer
	transfer *Transfer
}

func (w countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.transfer.Add(int64(n))
	return n, err
}
