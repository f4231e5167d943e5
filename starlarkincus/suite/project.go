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

// prefix begins the names of all test projects. Only this package's own tests change it.
var prefix = "star-test-"

const (
	createTimeout = time.Minute
	removeTimeout = 3 * time.Minute
	hurryTimeout  = 10 * time.Second // of removals that begin after the second signal
	idleTimeout   = 10 * time.Second // for running operations to end
	maxPause      = 2 * time.Second  // between two attempts
	extension     = "projects_force_delete"
)

// A project is the Incus project of one test. It is created at the test's first request.
//
// It uses the images and networks of the default project, because its own images would have to be fetched again and its
// own networks can't be bridges. Profiles are copies, so that a test may change them. Everything else is its own.
type project struct {
	name, about string
	base        string                  // the project to copy profiles from; empty for the remote's own
	note        func(string)            // writes a note for the test's author
	status      func(verb, name string) // is called after creation and removal
	noForce     bool                    // ignores the extension, for tests

	client *starlarkincus.Client // nil until the project may exist
	failed error                 // the failure to create it, after which parts may exist
}

func newProject(about string) *project {
	var id [4]byte
	rand.Read(id[:])
	return &project{name: prefix + hex.EncodeToString(id[:]), about: about}
}

// create creates the project, which doesn't exist after an error if nothing was sent or the server refused it. An
// interrupt of the test doesn't stop it, so that its outcome is known.
func (p *project) create(client *starlarkincus.Client, remote string) error {
	if p.client != nil {
		return p.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
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
	p.status("created", p.name)
	err := client.Path("/1.0/projects", "").Create(ctx, map[string]any{
		"name": p.name, "description": p.about,
		"config": map[string]string{
			"features.images": "false", "features.networks": "false", "features.profiles": "true",
			"features.storage.volumes": "true", "features.storage.buckets": "true",
		},
	})
	if undone(err) {
		p.status("removed", p.name)
		return err
	}
	if p.client, p.failed = client, err; err != nil {
		return err
	}
	for _, source := range profiles {
		if err := p.copyProfile(ctx, source); err != nil {
			p.note(fmt.Sprintf("the profile %s of the project %s can't be copied to the test's project: %v", source.Name, p.base, err))
		}
	}
	return nil
}

// undone reports whether a failed request changed nothing.
func undone(err error) bool {
	var e *errors.Error
	return errors.As(err, &e) && (e.Outcome == errors.NotSent || e.Outcome == errors.Refused)
}

// copyProfile creates a profile. It changes the profile default instead, which every project has.
func (p *project) copyProfile(ctx context.Context, source profile) error {
	body := map[string]any{"description": source.Description, "config": source.Config, "devices": source.Devices}
	if source.Name == "default" {
		return p.at("/1.0/profiles/default").Change(ctx, body)
	}
	body["name"] = source.Name
	return p.at("/1.0/profiles").Create(ctx, body)
}

// A profile is the copied part of a profile.
type profile struct {
	Name, Description string
	Config            map[string]string
	Devices           map[string]map[string]string
}

// at returns a path in the project.
func (p *project) at(path string) starlarkincus.Path { return p.client.Path(path, p.name) }

// itself returns the path of the project.
func (p *project) itself() starlarkincus.Path { return p.client.Path("/1.0/projects", "").Item(p.name) }

// remove removes the project, if it was created, with everything in it. It tries repeatedly, because operations that
// still run for the test may prevent the removal, or create something after everything was deleted. It ends with ctx,
// and with an error that another attempt would meet too.
func (p *project) remove(ctx context.Context) error {
	if p.client == nil {
		return nil
	}
	pause := 50 * time.Millisecond
	for {
		err := p.removeOnce(ctx)
		if errors.Is(err, errors.NotFound) { // the project, or something in it that is already gone
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
		final := errors.Is(err, errors.Permission) || errors.Is(err, errors.Authentication) || errors.Is(err, errors.Connection) && pause > time.Second/2
		if ctx.Err() == nil && !final {
			select {
			case <-time.After(pause):
				pause = min(2*pause, maxPause)
			case <-ctx.Done():
			}
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the project %s could not be removed, %w: %w", p.name, context.Cause(ctx), err)
		case final:
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

// awaitIdle cancels the project's running operations, and waits up to idleTimeout for those that can't be cancelled,
// except commands in instances, which may never end. Deleting an instance while it starts can take half a minute.
func (p *project) awaitIdle(ctx context.Context) {
	var byStatus map[string][]struct {
		ID, Class, Description string
		MayCancel              bool `json:"may_cancel"`
	}
	if p.at("/1.0/operations").Read(ctx, url.Values{"recursion": {"1"}}, &byStatus) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, idleTimeout)
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

// empty deletes everything in the project, for a server without the extension.
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
		// Stopping fails if the instance doesn't run. If either request fails for another reason, so does the deletion.
		_ = p.at(path).Act(ctx, "PATCH", "", unprotected)
		_ = p.at(path).Act(ctx, "PUT", "state", stop)
		if err := p.delete(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll deletes the project's own objects in a collection.
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

// list returns the paths of the project's own objects in a collection. The project also sees images and networks of the
// default project, whose links lack its name.
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

// delete deletes the object at a path, unless it is already gone.
func (p *project) delete(ctx context.Context, path string) error {
	err := p.at(path).Remove(ctx, nil)
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}
