package files

import "incus-star/errors"

// ReadFile returns the content of a file of at most limit bytes.
func (c *Call) ReadFile(path string, limit int64) ([]byte, error) {
	f, info, err := c.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	large := errors.New(errors.Limit, "%s is larger than the limit of %d MiB: pull copies it to a local file", path, limit>>20)
	if info.Size > limit {
		return nil, large
	}
	content := &memory{limit: limit, large: large}
	content.data = make([]byte, info.Size)
	n, err := c.download(c.ctx, f, info.Size, content)
	if err != nil {
		return nil, err
	}
	return content.data[:n], nil
}

// memory is content in memory. Content of unknown size is written in order.
type memory struct {
	data  []byte
	limit int64 // 0 for none
	large error // of a content that exceeds it
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(m.data)) {
		if m.limit > 0 && end > m.limit {
			return 0, m.large
		}
		m.data = append(m.data, make([]byte, end-int64(len(m.data)))...)
	}
	return copy(m.data[at:], p), nil
}
