package streams

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// TestWrongSizes exports images whose files have other sizes than their index says. The whole image comes without an error
// only if the sizes are right or unknown, and otherwise less than it, so that nobody takes it for whole.
func TestWrongSizes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	readers := []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader, func(r io.Reader) io.Reader { return r }}
	for range 2000 {
		files, image, right := make(folder), &Image{Filename: "image"}, true
		told := make(map[string]int64)
		var content []byte
		var size int64
		for n := range 1 + r.IntN(2) {
			path, text := string("ab"[n]), strings.Repeat("x", 1+r.IntN(2000))
			f := item{Path: path, Size: int64(len(text))}
			switch r.IntN(4) {
			case 0:
				f.Size = max(1, f.Size+int64(r.IntN(5)-2))
			case 1:
				f.Size = int64(r.IntN(2) - 1) // unknown
			case 2:
				f.Size = 1 + r.Int64N(4000)
			}
			right = right && (f.Size <= 0 || f.Size == int64(len(text)))
			told[path] = []int64{-1, int64(len(text))}[r.IntN(2)]
			files[path] = readers[r.IntN(len(readers))](strings.NewReader(text))
			image.files = append(image.files, f)
			content, size = append(content, text...), size+max(f.Size, 0)
		}
		image.Size = size
		answer := image.export(t.Context(), "", func(_ context.Context, path string) (*rest.File, error) {
			path = strings.TrimPrefix(path, "/")
			return &rest.File{ReadCloser: io.NopCloser(files[path]), Size: told[path]}, nil
		})
		got, err := io.ReadAll(answer.Body)
		e := (*errors.Error)(nil)
		switch {
		case right && (err != nil || len(image.files) == 1 && !bytes.Equal(got, content)):
			t.Errorf("%+v, %v: got %d bytes, %v", image.files, told, len(got), err)
		case right && answer.Size >= 0 && answer.Size != int64(len(got)):
			t.Errorf("%+v, %v: got %d bytes, %d were announced", image.files, told, len(got), answer.Size)
		case !right && (!errors.As(err, &e) || e.Class != errors.Connection || !strings.Contains(e.Message, "in its index")):
			t.Errorf("%+v, %v: got %d bytes, %v", image.files, told, len(got), err)
		case !right && len(image.files) == 1 && int64(len(got)) >= image.Size:
			t.Errorf("%+v, %v: got %d bytes of a wrong file", image.files, told, len(got))
		}
		answer.Body.Close()
	}
}
