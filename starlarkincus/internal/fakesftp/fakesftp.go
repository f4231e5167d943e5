// Package fakesftp is a server of SFTP for tests, with the files of a folder.
package fakesftp

import (
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// A Server serves the files of a folder.
type Server struct {
	root *os.Root
	// Tamper, if set, changes the listing of a folder.
	Tamper func(folder string, found []fs.FileInfo) []fs.FileInfo
}

// New returns a server of the folder.
func New(dir string) (*Server, error) {
	root, err := os.OpenRoot(dir)
	return &Server{root: root}, err
}

// Serve answers requests until the connection ends, and closes it.
func (s *Server) Serve(conn io.ReadWriteCloser) {
	server := sftp.NewRequestServer(conn, sftp.Handlers{FileGet: s, FilePut: s, FileCmd: s, FileList: s})
	_ = server.Serve()
	_ = server.Close()
}

// Close releases the folder.
func (s *Server) Close() { s.root.Close() }

// name returns the name below the root.
func name(path string) string {
	if path = strings.Trim(path, "/"); path == "" {
		return "."
	}
	return path
}

func (s *Server) Fileread(r *sftp.Request) (io.ReaderAt, error) { return s.root.Open(name(r.Filepath)) }

func (s *Server) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	flags := os.O_WRONLY
	if f := r.Pflags(); f.Creat {
		flags |= os.O_CREATE
		if f.Excl {
			flags |= os.O_EXCL
		}
	}
	return s.root.OpenFile(name(r.Filepath), flags, 0o644)
}

func (s *Server) Filecmd(r *sftp.Request) error {
	path := name(r.Filepath)
	switch r.Method {
	case "Setstat":
		flags, a := r.AttrFlags(), r.Attributes()
		if flags.UidGid {
			_ = s.root.Lchown(path, int(a.UID), int(a.GID)) // only root may
		}
		if flags.Permissions {
			if err := s.root.Chmod(path, a.FileMode()); err != nil {
				return err
			}
		}
		if flags.Acmodtime {
			return s.root.Chtimes(path, time.Time{}, a.ModTime())
		}
		return nil
	case "Mkdir":
		return s.root.Mkdir(path, 0o755)
	case "Rmdir", "Remove":
		return s.root.Remove(path)
	case "Symlink":
		return s.root.Symlink(r.Filepath, name(r.Target))
	case "Rename":
		return s.root.Rename(path, name(r.Target))
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename renames a file, and replaces another.
func (s *Server) PosixRename(r *sftp.Request) error {
	return s.root.Rename(name(r.Filepath), name(r.Target))
}

func (s *Server) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		info, err := s.root.Stat(name(r.Filepath))
		return listing{info}, err
	}
	f, err := s.root.Open(name(r.Filepath))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := f.Readdir(-1)
	if s.Tamper != nil && err == nil {
		found = s.Tamper(r.Filepath, found)
	}
	return listing(found), err
}

func (s *Server) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := s.root.Lstat(name(r.Filepath))
	return listing{info}, err
}

func (s *Server) Readlink(path string) (string, error) { return s.root.Readlink(name(path)) }

// A listing is the answer to a request for names.
type listing []fs.FileInfo

func (l listing) ListAt(to []fs.FileInfo, at int64) (int, error) {
	if at >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[at:])
	if int(at)+n == len(l) {
		return n, io.EOF
	}
	return n, nil
}
