package starlarkincus

import (
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
)

// TestFileAdvice checks the advice on failures of all methods for files: it names an argument that the method has.
func TestFileAdvice(t *testing.T) {
	files := 0
	for _, r := range []*spec.Resource{spec.Instances, spec.StoragePools} {
		for _, child := range append(r.Children, spec.StoragePools.Children...) {
			for _, res := range append(child.Children, child) {
				if res.Name != "files" {
					continue
				}
				for i := range res.Methods {
					decl := &res.Methods[i]
					files++
					has := func(arg string) bool { return spec.Find(decl.Args, arg) != nil }
					c := &invocation{Method: &Method{decl.Name, decl, ref{}, nil}}
					advice := func(end string) string {
						e := errors.NewFile("/a/b", 0, "")
						e.Message = "/a/b: " + end
						return c.fileAdvice(e)
					}
					missing, full, folder := advice("the folder /a doesn't exist"), advice("directory not empty"), advice("is a directory")
					if missing != "parents=True makes missing folders" && (has("parents") || missing != `files.mkdir("/a", parents=True) makes it`) {
						t.Errorf("%s: a missing folder: %q", decl.Name, missing)
					}
					if (full != "") != has("recursive") {
						t.Errorf("%s: a full folder: %q", decl.Name, full)
					}
					if want := decl.Name == "push" || decl.Name == "read" || has("content"); want != (folder != "") || want && !strings.Contains(folder, "/a/b") {
						t.Errorf("%s: a folder: %q", decl.Name, folder)
					}
					if other := advice("permission denied"); other != "" {
						t.Errorf("%s: %q", decl.Name, other)
					}
				}
			}
		}
	}
	if files < 10 {
		t.Errorf("%d methods for files", files)
	}
}

func TestImageAdvice(t *testing.T) {
	for image, want := range map[string]string{
		"testbx":         "no image has the alias or fingerprint testbx: incus.images.aliases.names() lists the aliases",
		"debian/12":      `no image has the alias or fingerprint debian/12: incus.images.aliases.names() lists the aliases; that of an image server needs its remote, as "images:debian/12"`,
		"images:debia/1": `the remote images has no image debia/1: incus.connect("images").images.list() lists its images`,
	} {
		if got := imageAdvice(image, ""); got != want {
			t.Errorf("%s: %q", image, got)
		}
	}
}

// TestAdviceOfEnsure checks the advice for every creation of an object that exists: it names an ensure that there is.
func TestAdviceOfEnsure(t *testing.T) {
	with, without := 0, 0
	for _, site := range spec.Sites() {
		for _, m := range site.CollectionMethods() {
			if m.Does != spec.DoCreate {
				continue
			}
			c := &invocation{Method: &Method{m.Name, &m, ref{res: site.Resource, name: site.Name}, nil}}
			e := errors.New(errors.AlreadyExists, "it already exists")
			_ = c.advised(e)
			ensure := kindOf(site.Resource).collection["ensure"] != nil
			if ensure {
				with++
			} else {
				without++
			}
			if ensure != strings.HasPrefix(e.Hint, site.Name+".ensure takes one that exists") {
				t.Errorf("%s.%s: %q", site.Name, m.Name, e.Hint)
			}
		}
	}
	if t.Log(with, without); with < 10 {
		t.Error("too few")
	}
}

// TestAdviceOfUsers checks the advice for every deletion of an object in use: it names a field that there is.
func TestAdviceOfUsers(t *testing.T) {
	with, without := 0, 0
	for _, site := range spec.Sites() {
		for _, m := range append(site.CollectionMethods(), site.ObjectMethods()...) {
			if m.Verb != spec.Delete {
				continue
			}
			c := &invocation{Method: &Method{m.Name, &m, ref{res: site.Resource, name: site.Name}, nil}, args: new(arguments)}
			e := errors.New(errors.State, "it is currently in use")
			_ = c.advised(e)
			field := spec.Find(site.Fields, "used_by")
			if field != nil {
				with++
			} else {
				without++
			}
			if (field != nil) != (e.Hint == "its field used_by lists what uses it") {
				t.Errorf("%s.%s: %q", site.Name, m.Name, e.Hint)
			}
		}
	}
	if t.Log(with, without); with < 10 {
		t.Error("too few")
	}
}
