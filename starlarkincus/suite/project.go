package suite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
)

// prefix begins the names of all test projects; only this package's own tests change it.
var prefix = "star-test-"

const (
	forCreate = time.Minute      // that a project's creation may take
	forRemove = 3 * time.Minute  // that its removal may take
	forIdle   = 10 * time.Second // that what it still does may take
	maxPause  = 2 * time.Second  // between two attempts
	extension = "projects_force_delete"
)

// A project is the Incus project of one test. It is made when the test first talks to Incus.
//
// Images and networks are those of the default project, because those of a new one would have to be fetched again, and
// can't be bridges. Profiles are copies, so that a test may change them. The rest is the project's own.
type project struct {
	name, about string
	base        string                  // the project whose profiles it starts with; empty for the remote's own
	note        func(string)            // takes what the test's author should know
	status      func(verb, name string) // is told when it is made and when it is gone
	noForce     bool                    // removes it as on a server without the extension

	client *starlarkincus.Client // nil until there may be something to remove
	failed error                 // why it could not be made, where something of it may have been
}

func newProject(about string) *project {
	var id [4]byte
	rand.Read(id[:])
	return &project{name: prefix + hex.EncodeToString(id[:]), about: about}
}

// create makes the project. It goes on when the test is interrupted, so that it is known whether there is one.
func (p *project) create(client *starlarkincus.Client, remote string) error {
	if p.client != nil {
		return p.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), forCreate)
	defer cancel()
	if p.base == "" {
		p.base = remote
	}
	if p.base == "" {
		p.base = "default"
	}
	var profiles []profile
	if err := client.Path("/1.0/profiles", p.base).Read(ctx, url.Values{"recursion": {"1"}}, &profiles); err != nil {
		return err
	}
	p.client = client
	p.status("created", p.name)
	p.failed = client.Path("/1.0/projects", "").Create(ctx, map[string]any{
		"name": p.name, "description": p.about,
		"config": map[string]string{
			"features.images": "false", "features.networks": "false", "features.profiles": "true",
			"features.storage.volumes": "true", "features.storage.buckets": "true",
		},
	})
	if p.failed != nil {
		return p.failed
	}
	for _, source := range profiles {
		if err := p.copyProfile(ctx, source); err != nil {
			p.note(fmt.Sprintf("the profile %s of the project %s can't be copied to the test's project: %v", source.Name, p.base, err))
		}
	}
	return nil
}

// copyProfile makes a profile, or changes the one that is there at once.
func (p *project) copyProfile(ctx context.Context, source profile) error {
	body := map[string]any{"description": source.Description, "config": source.Config, "devices": source.Devices}
	if source.Name == "default" {
		return p.at("/1.0/profiles/default").Change(ctx, body)
	}
	body["name"] = source.Name
	return p.at("/1.0/profiles").Create(ctx, body)
}

// A profile is what is copied of one.
type profile struct {
	Name, Description string
	Config            map[string]string
	Devices           map[string]map[string]string
}

// at returns a path in the project.
func (p *project) at(path string) starlarkincus.Path { return p.client.Path(path, p.name) }

// itself returns the path of the project.
func (p *project) itself() starlarkincus.Path { return p.client.Path("/1.0/projects", "").Item(p.name) }

// remove removes the project with all that is in it, if it was made. What the server still does for the test may
// stand in the way at first, or make something after all was deleted.
func (p *project) remove() error {
	if p.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), forRemove)
	defer cancel()
	pause := 50 * time.Millisecond
	for {
		err := p.removeOnce(ctx)
		if errors.Is(err, errors.NotFound) { // of the project, or of something in it that went by itself
			err = p.itself().Read(ctx, nil, new(any))
			if errors.Is(err, errors.NotFound) {
				err = nil
			} else if err == nil {
				err = fmt.Errorf("it is still there")
			}
		}
		if err == nil {
			p.status("removed", p.name)
			return nil
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		case <-ctx.Done():
			return fmt.Errorf("the project %s could not be removed within %v: %w", p.name, forRemove, err)
		}
		if errors.Is(err, errors.Connection) && pause > time.Second {
			return fmt.Errorf("the project %s could not be removed: %w", p.name, err)
		}
	}
}

func (p *project) removeOnce(ctx context.Context) error {
	p.awaitIdle(ctx)
	force, _ := p.client.HasExtension(ctx, extension)
	if force && !p.noForce {
		return p.itself().Remove(ctx, url.Values{"force": {"1"}})
	}
	if err := p.empty(ctx); err != nil {
		return err
	}
	return p.itself().Remove(ctx, nil)
}

// awaitIdle cancels the operations that still run in the project, and waits a little for those that can't be cancelled:
// to delete an instance that is being started may take the server half a minute. A command in an instance may have no
// end.
func (p *project) awaitIdle(ctx context.Context) {
	var byStatus map[string][]struct {
		ID, Class, Description string
		MayCancel              bool `json:"may_cancel"`
	}
	if p.at("/1.0/operations").Read(ctx, url.Values{"recursion": {"1"}}, &byStatus) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, forIdle)
	defer cancel()
	for _, op := range byStatus["running"] {
		running, err := p.client.Operation(ctx, op.ID)
		switch {
		case err != nil:
		case op.MayCancel:
			_ = running.Cancel(ctx)
		case op.Class == "task" && op.Description != "Executing command":
			_, _ = running.Wait(ctx)
		}
	}
}

// empty deletes all that is in the project, for a server that doesn't do so itself.
func (p *project) empty(ctx context.Context) error {
	if err := p.deleteInstances(ctx); err != nil {
		return err
	}
	for _, kind := range []string{"images", "network-acls", "networks", "network-zones"} {
		if err := p.deleteAll(ctx, "/1.0/"+kind); err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
	}
	pools, err := p.list(ctx, "/1.0/storage-pools")
	if err != nil {
		return err
	}
	for _, pool := range pools {
		for _, kind := range []string{"volumes/custom", "buckets"} {
			if err := p.deleteAll(ctx, pool+"/"+kind); err != nil {
				return err
			}
		}
	}
	return p.deleteAll(ctx, "/1.0/profiles")
}

func (p *project) deleteInstances(ctx context.Context) error {
	paths, err := p.list(ctx, "/1.0/instances")
	if err != nil {
		return err
	}
	for _, path := range paths {
		unprotected := map[string]any{"config": map[string]string{"security.protection.delete": ""}}
		stop := map[string]any{"action": "stop", "force": true, "timeout": -1}
		// One that doesn't run can't be stopped. If either fails for another cause, the deletion does too.
		_ = p.at(path).Act(ctx, "PATCH", "", unprotected)
		_ = p.at(path).Act(ctx, "PUT", "state", stop)
		if err := p.delete(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll deletes what the project has of a collection. The paths of other projects' things say whose they are.
func (p *project) deleteAll(ctx context.Context, collection string) error {
	paths, err := p.list(ctx, collection)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if path == "/1.0/profiles/default" {
			continue
		}
		if err := p.delete(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// list gives the paths of what a collection has of this project. Images and networks that it sees may be another's.
func (p *project) list(ctx context.Context, collection string) ([]string, error) {
	var links []string
	if err := p.at(collection).Read(ctx, nil, &links); err != nil {
		return nil, err
	}
	var paths []string
	for _, link := range links {
		u, err := url.Parse(link)
		if err != nil {
			return nil, err
		}
		if owner := u.Query().Get("project"); owner == p.name || collection == "/1.0/storage-pools" {
			paths = append(paths, u.EscapedPath())
		}
	}
	return paths, nil
}

// delete deletes the object at a path; that it is gone already is fine.
func (p *project) delete(ctx context.Context, path string) error {
	err := p.at(path).Remove(ctx, nil)
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}
