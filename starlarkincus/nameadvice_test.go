package starlarkincus_test

import "testing"

// TestAdviceOfNames misspells the name of each kind of object that an argument or the client's project may name. The hint of the
// error has the nearest one, which is read after the failure; a missing object of the method's own kind costs no request.
func TestAdviceOfNames(t *testing.T) {
	root := func(pool string) string {
		return `incus.instances.create("x", image = "testbox", devices = {"root": {"type": "disk", "path": "/", "pool": "` + pool + `"}})`
	}
	create := `{"devices": {"root": {"type": "disk", "path": "/", "pool": "defalt"}}, "name": "x", "source": {"alias": "testbox", "type": "image"}}`
	profiles := `{"name": "x", "profiles": ["stak"], "source": {"alias": "testbox", "type": "image"}}`
	for script, due := range map[string][]exchange{
		`call = lambda: ` + root("defalt") + "\nwant = \"did you mean the storage pool default?\"": {
			{"POST /1.0/instances", create, "404 Failed loading storage pool: Storage pool \"defalt\" not found"},
			{"GET /1.0/storage-pools", "", `["/1.0/storage-pools/default"]`}},
		`call = lambda: incus.instances.create("x", image = "testbox", profiles = ["stak"])` + "\nwant = \"did you mean the profile stack?\"": {
			{"POST /1.0/instances", profiles, `500 Requested profile "stak" doesn't exist`},
			{"GET /1.0/profiles", "", `["/1.0/profiles/default", "/1.0/profiles/stack"]`}},
		`call = lambda: incus.use(project = "shp").instances.get("x")` + "\nwant = \"did you mean the project shop?\"": {
			{"GET /1.0/instances/x?project=shp", "", "404 Project not found"},
			{"GET /1.0/projects", "", `["/1.0/projects/default", "/1.0/projects/shop"]`}},
		`call = lambda: incus.storage_pools.get("defalt")` + "\nwant = None": {
			{"GET /1.0/storage-pools/defalt", "", "404 Storage pool not found"}},
		`call = lambda: incus.profiles.get("stak")` + "\nwant = None": {
			{"GET /1.0/profiles/stak", "", "404 Profile not found"}},
	} {
		runFake(t, script+`
e = catch(IncusNotFoundError, call).error
if e.hint != want:
    fail(e, e.object, e.hint)
`, due)
	}
}
