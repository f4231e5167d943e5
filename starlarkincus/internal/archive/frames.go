package archive

import (
	"bufio"
	"encoding/binary"
	"io"

	"incus-star/errors"
)

// wholeXz looks for the end of an xz file.
func wholeXz(in io.Reader) error {
	buffer := make([]byte, 2, 32<<10) // begins with the last bytes of the part before
	for {
		n, err := in.Read(buffer[2:cap(buffer)])
		copy(buffer, buffer[n:n+2])
		switch {
		case err == io.EOF && string(buffer) != "YZ":
			return broken("xz", io.EOF)
		case err == io.EOF:
			return nil
		case err != nil:
			return broken("xz", err)
		}
	}
}

// wholeSquashfs compares the size of a squashfs with the one in its first block.
func wholeSquashfs(in *bufio.Reader) error {
	const sizeAt = 40
	begin, err := in.Peek(sizeAt + 8)
	if err != nil {
		return broken("squashfs", err)
	}
	size, _ := io.Copy(io.Discard, in)
	if uint64(size) < binary.LittleEndian.Uint64(begin[sizeAt:]) {
		return broken("squashfs", io.EOF)
	}
	return nil
}

var errNotFrame = errors.Plain("no frame begins where one should")

// wholeZstd reads the frames of a zstd file to their last blocks, without decompressing them.
func wholeZstd(in *bufio.Reader) error {
	for {
		var magic [4]byte
		if _, err := io.ReadFull(in, magic[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		switch number := binary.LittleEndian.Uint32(magic[:]); {
		case number&^0xf == 0x184d2a50: // skippable
			var size [4]byte
			if _, err := io.ReadFull(in, size[:]); err != nil {
				return io.ErrUnexpectedEOF
			}
			if err := skip(in, int64(binary.LittleEndian.Uint32(size[:]))); err != nil {
				return err
			}
		case string(magic[:]) != string(zstdMagic):
			return errNotFrame
		default:
			if err := zstdFrame(in); err != nil {
				return err
			}
		}
	}
}

// zstdFrame reads a frame after its magic number.
func zstdFrame(in *bufio.Reader) error {
	flags, err := in.ReadByte()
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	single, checksum := flags>>5&1, flags>>2&1
	header := [...]int64{0, 1, 2, 4}[flags&3] + [...]int64{int64(single), 2, 4, 8}[flags>>6] + 1 - int64(single)
	if err := skip(in, header); err != nil {
		return err
	}
	for {
		var block [3]byte
		if _, err := io.ReadFull(in, block[:]); err != nil {
			return io.ErrUnexpectedEOF
		}
		number := int64(block[0]) | int64(block[1])<<8 | int64(block[2])<<16
		size := number >> 3
		switch number >> 1 & 3 {
		case 1: // one byte, repeated
			size = 1
		case 3:
			return errNotFrame
		}
		if err := skip(in, size); err != nil {
			return err
		}
		if number&1 != 0 {
			return skip(in, int64(checksum)*4)
		}
	}
}

// skip reads n bytes.
func skip(in io.Reader, n int64) error {
	if _, err := io.CopyN(io.Discard, in, n); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}
