package starlarkincus

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// exportImage implements image.export.
func exportImage(c *invocation) (starlark.Value, error) {
	x := &imageExport{invocation: c, path: c.args.string("path")}
	info, err := os.Stat(x.path)
	x.folder = err == nil && info.IsDir()
	if !x.folder {
		if err := x.begin(x.path); err != nil { // before anything is sent
			return nil, err
		}
	}
	defer x.discard()
	err = c.ref.client.fetch(c.ctx, c.request(c.ref, "GET", nil), "Exporting image "+c.imageName(), x.save)
	if err != nil {
		return nil, err
	}
	rootfs, size := starlark.Value(starlark.None), x.files[0].size
	if len(x.files) > 1 {
		rootfs, size = starlark.String(x.files[1].path), size+x.files[1].size
	}
	return starlarkstruct.FromStringDict(starlark.String(c.decl.Returns.Of.Kind), starlark.StringDict{
		"path": starlark.String(x.files[0].path), "rootfs": rootfs, "size": starlark.MakeInt64(size), "fingerprint": starlark.String(c.obj.key())}), nil
}

// imageName returns the short form of the image's fingerprint.
func (c *invocation) imageName() string {
	key := c.obj.key()
	return key[:min(12, len(key))]
}

// An imageExport writes an image to local files.
type imageExport struct {
	*invocation
	path   string
	folder bool    // path is a folder
	files  []*sink // one, or the metadata and the root file system
}

// begin creates a file.
func (x *imageExport) begin(path string) error {
	file, err := x.newSink(path)
	if err == nil {
		x.files = append(x.files, file)
	}
	return err
}

func (x *imageExport) discard() {
	for _, file := range x.files {
		_ = file.Discard()
	}
}

// part returns the file for a part of the image. Name is the server's name for it.
func (x *imageExport) part(i int, name string) (*sink, error) {
	switch {
	case i < len(x.files):
		return x.files[i], nil
	case !x.folder:
		if err := x.begin(x.path + ".rootfs"); err != nil {
			return nil, err
		}
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00"):
		return nil, fmt.Errorf("the name of the file is %q", name) // it would leave the folder
	default:
		if err := x.begin(filepath.Join(x.path, name)); err != nil {
			return nil, err
		}
	}
	return x.files[i], nil
}

// mediaType returns the type of an answer's content, without its parameters.
func mediaType(reply *rest.Reply) string {
	kind, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	return kind
}

// save copies the body of the server's answer to the files.
func (x *imageExport) save(body io.Reader, reply *rest.Reply) error {
	hash := newHash()
	bad := func(cause error) error {
		if errors.As(cause, new(*errors.Error)) || x.ctx.Err() != nil {
			return cause
		}
		return unreadable("GET", x.ref.join("export").path, reply, cause)
	}
	write := func(i int, name string, from io.Reader) error {
		file, err := x.part(i, name)
		if err == nil {
			err = file.fill(hash, from)
		}
		return err
	}
	kind, params, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		parts := multipart.NewReader(body, params["boundary"])
		for i, names := range [][]string{{"metadata"}, {"rootfs", "rootfs.img"}} {
			part, err := parts.NextPart()
			if err == nil && !slices.Contains(names, part.FormName()) {
				err = fmt.Errorf("a part is named %q", part.FormName())
			}
			if err == nil {
				err = write(i, part.FileName(), part)
			}
			if err != nil {
				return bad(err)
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			return bad(fmt.Errorf("there are more than two parts, %v", err))
		}
	} else {
		_, params, _ := mime.ParseMediaType(reply.Header.Get("Content-Disposition"))
		if err := write(0, params["filename"], body); err != nil {
			return bad(err)
		}
	}
	if err := x.checkImage(sum(hash), reply); err != nil {
		return err
	}
	for _, file := range slices.Backward(x.files) { // the one at the given path last
		if err := file.commit(); err != nil {
			return err
		}
	}
	return nil
}

// An imageUpload is an image in local files.
type imageUpload struct {
	files  []*source
	supply *feed.Supplier // instead of files; nil for none
	header http.Header
	parts  []string // of a multipart body: what is before each file, and after the last
	size   int64
}

// diskMagic is the beginning of a disk in the format qcow2.
var diskMagic = []byte("QFI\xfb")

// imageFiles opens the local files of an image.
func (c *invocation) imageFiles() (*imageUpload, error) {
	u := &imageUpload{header: make(http.Header)}
	if supply, err := c.supply("path"); supply != nil || err != nil {
		if err == nil && (c.args.has("rootfs") || c.args.flag("reuse", false)) {
			err = supply.Close(c.ctx, c.name, fmt.Errorf("%s: rootfs= and reuse=True need files, which can be read twice", c.name))
		}
		u.supply = supply
		u.header.Set("Content-Type", "application/octet-stream")
		return u, err
	}
	names := []string{c.args.string("path")}
	if c.args.has("rootfs") {
		names = append(names, c.args.string("rootfs"))
	}
	for _, name := range names {
		file, err := c.newSource(name)
		if err != nil {
			u.close()
			return nil, err
		}
		u.files = append(u.files, file)
	}
	if len(u.files) == 1 {
		u.size, u.parts = u.files[0].size, []string{"", ""}
		u.header.Set("Content-Type", "application/octet-stream")
		u.header.Set("X-Incus-filename", filepath.Base(names[0]))
		return u, nil
	}
	rootfs, begin := "rootfs", make([]byte, len(diskMagic))
	if n, _ := u.files[1].ReadAt(begin, 0); bytes.Equal(begin[:n], diskMagic) {
		rootfs = "rootfs.img"
	}
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	next := func() {
		u.parts = append(u.parts, frame.String())
		frame.Reset()
	}
	for i, form := range []string{"metadata", rootfs} {
		_, _ = w.CreateFormFile(form, filepath.Base(names[i])) // writing to a buffer can't fail
		next()
	}
	_ = w.Close()
	next()
	u.size = u.files[0].size + u.files[1].size + int64(len(strings.Join(u.parts, "")))
	u.header.Set("Content-Type", w.FormDataContentType())
	return u, nil
}

func (u *imageUpload) close() {
	for _, file := range u.files {
		file.Close()
	}
}

// body returns the body of the request. Reading it also writes the files to hash.
func (u *imageUpload) body(hash io.Writer) io.Reader {
	var all []io.Reader
	for i, file := range u.files {
		all = append(all, strings.NewReader(u.parts[i]), io.TeeReader(file, hash))
	}
	return io.MultiReader(append(all, strings.NewReader(u.parts[len(u.files)]))...)
}

// fingerprint reads the files and returns their fingerprint.
func (u *imageUpload) fingerprint() (string, error) {
	hash := newHash()
	for _, file := range u.files {
		if _, err := io.Copy(hash, file); err != nil {
			return "", err
		}
		if err := file.rewind(); err != nil {
			return "", err
		}
	}
	return sum(hash), nil
}

// uploadImage implements images.upload.
func uploadImage(c *invocation) (starlark.Value, error) {
	files, err := c.imageFiles()
	if err != nil {
		return nil, err
	}
	defer files.close()
	o, err := c.putImage(files)
	if err = files.supply.Close(c.ctx, c.name, err); err != nil {
		return nil, err
	}
	return o, nil
}

// putImage uploads an image, unless the server has it already, and gives it its fields and aliases.
func (c *invocation) putImage(files *imageUpload) (starlark.Value, error) {
	aliases, err := c.aliases(c.ref)
	if err != nil {
		return nil, err
	}
	if err := aliases.look(); err != nil {
		return nil, err
	}
	var o *Object
	if aliases.reuse {
		if o, err = c.sameImage(files); err != nil {
			return nil, err
		}
	}
	fields := make(map[string]any)
	for _, f := range c.decl.Args {
		if field := spec.Find(c.ref.res.Fields, f.Name); field != nil && field.Use&spec.Change != 0 && c.args.local[f.Name] != nil {
			fields[f.Name] = c.args.local[f.Name]
		}
	}
	c.due = dueChanges{fields: len(fields) > 0, aliases: len(aliases.all) > 0}
	if o == nil {
		if o, err = c.sendImage(files); err != nil {
			return nil, err
		}
	}
	c.made = o
	if _, err := o.conform(c, fields, patience{}); err != nil {
		return nil, err
	}
	return o, aliases.give(o)
}

// sameImage returns the image with the content of the files; nil if the server has none.
func (c *invocation) sameImage(files *imageUpload) (*Object, error) {
	var fingerprint string
	var err error
	builtin.Of(c.thread).Block(func() { fingerprint, err = files.fingerprint() })
	if err != nil {
		return nil, err
	}
	o := newObject(c.ref.item(fingerprint))
	switch err := o.read(c.ctx); {
	case errors.Is(err, errors.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return o, nil
}

// sendImage uploads the files.
func (c *invocation) sendImage(files *imageUpload) (*Object, error) {
	for name, v := range map[string]url.Values{"properties": values(texts(c.args.local["properties"])), "profiles": {"profile": strings_(c.args.local["profiles"])}} {
		if text := v.Encode(); text != "" {
			files.header.Set("X-Incus-"+name, text)
		}
	}
	if c.args.flag("public", false) {
		files.header.Set("X-Incus-public", "true")
	}
	hash := newHash()
	q := rest.Request{Method: "POST", Path: c.ref.path, Query: c.ref.query(spec.New), Header: files.header, Size: files.size}
	var out outcome
	var err error
	if files.supply != nil {
		files.supply.Pipe.Copy = hash
		out, err = c.ref.sendFed(c.ctx, q, files.supply, "Uploading an image", patience{})
	} else {
		out, err = c.ref.sendFile(c.ctx, q, files.body(hash), "Uploading "+filepath.Base(files.files[len(files.files)-1].path), patience{})
	}
	if err != nil {
		return nil, err
	}
	made, sent := chosenKey(c.ref.res, c.ref, out.reply, out.state), sum(hash)
	if made == "" {
		return nil, unreadable(q.Method, q.Path, out.reply, errors.Plain("the operation doesn't name the image"))
	}
	o := newObject(c.ref.item(made))
	if made != sent {
		e := errors.New(errors.Connection, "what the server received has the fingerprint %s, what was sent has %s", made, sent)
		return nil, c.withoutWrong(c.ref, made, e, q)
	}
	c.made = o
	return o, o.read(c.ctx)
}

func values(m map[string]string) url.Values {
	out := make(url.Values)
	for name, v := range m {
		out.Set(name, v)
	}
	return out
}

// strings_ returns an argument that is a list of strings.
func strings_(v any) []string {
	list, _ := v.([]string)
	return list
}
