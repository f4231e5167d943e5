package archive_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"incus-star/starlarkincus/internal/archive"
)

// check returns the verdict on a content that is written in parts of random length.
func check(random *rand.Rand, content []byte) error {
	c := archive.New()
	for len(content) > 0 {
		n := 1 + random.IntN(len(content))
		c.Write(content[:n])
		content = content[n:]
	}
	_, err := c.End()
	return err
}

// archiveOf returns a tar archive, and the places in it where a part would end cleanly.
func archiveOf(t *testing.T, random *rand.Rand) (content []byte, between []int) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range 12 {
		data := make([]byte, random.IntN(12_000))
		for i := range data {
			data[i] = byte(random.IntN(50))
		}
		name := fmt.Sprintf("backup/%d%s", i, strings.Repeat("long/", 60*(i%2)))
		header := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o600, Format: tar.FormatPAX}
		if i == 5 {
			header, data = &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o700}, nil
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		between = append(between, out.Len())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), between
}

// compressed returns the content as a program compresses it.
func compressed(t *testing.T, program string, content []byte) []byte {
	if program == "none" {
		return content
	}
	command := exec.Command(program, "-c")
	command.Stdin = bytes.NewReader(content)
	out, err := command.Output()
	if err != nil {
		t.Skip(err)
	}
	return out
}

// An archive is whole only with its end, wherever it is cut, and also if it was compressed without its end.
func TestCutArchives(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, program := range []string{"none", "gzip", "bzip2", "xz", "zstd"} {
		t.Run(program, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			plain, between := archiveOf(t, random)
			whole := compressed(t, program, plain)
			if err := check(random, whole); err != nil {
				t.Fatalf("the whole archive: %v", err)
			}
			cuts := []int{0, 1, len(whole) - 1}
			for range 25 {
				cuts = append(cuts, random.IntN(len(whole)))
			}
			if program == "none" {
				cuts = append(cuts, between...)
				cuts[2] = len(whole) - 512 // only the first of the two blocks
			}
			for _, cut := range cuts {
				if cut < 262 && cut > 0 && program == "none" {
					continue // not recognized as an archive
				}
				if cut < 6 && cut > 0 {
					continue
				}
				if err := check(random, whole[:cut]); err == nil {
					t.Errorf("%d of %d bytes passed for whole", cut, len(whole))
				}
			}
			if program == "none" || program == "xz" || program == "zstd" {
				return // the last two are not decompressed
			}
			for _, cut := range between {
				if err := check(random, compressed(t, program, plain[:cut])); err == nil || !strings.Contains(err.Error(), "its end is missing (tar)") {
					t.Errorf("an archive of %d bytes that was compressed without its end: %v", cut, err)
				}
			}
			damaged := bytes.Clone(whole)
			damaged[len(damaged)/2] ^= 0x55
			if err := check(random, damaged); err == nil {
				t.Error("a damaged archive passed for whole")
			}
		})
	}
}

// Other content is no archive, with which nothing is wrong.
func TestOtherContent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, content := range []string{"x", "text 1", strings.Repeat("an image", 10_000)} {
		if err := check(random, []byte(content)); err != nil {
			t.Errorf("%.10q: %v", content, err)
		}
	}
	var squashfs bytes.Buffer
	squashfs.WriteString("hsqs" + strings.Repeat("\x00", 36) + "\x00\x10\x00\x00\x00\x00\x00\x00")
	squashfs.Write(make([]byte, 4096))
	if err := check(random, squashfs.Bytes()); err != nil {
		t.Error(err)
	}
	if err := check(random, squashfs.Bytes()[:4000]); err == nil {
		t.Error("a cut squashfs passed for whole")
	}
	stopped := archive.New()
	io.WriteString(stopped, "part")
	stopped.Stop()
	stopped.Stop()
}
