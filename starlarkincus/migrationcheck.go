package starlarkincus

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// check reads the descriptions of both servers. It returns an error if the copy would be the original itself, or needs an API
// extension that is missing. Otherwise its error has all other reasons why the copy can't be made: an address of a server, a pool,
// profiles, volumes or networks that are missing, or a name that is taken.
func (t *migration) check(c *invocation) error {
	if err := c.ref.client.collection(spec.Server).readInto(c.ctx, nil, &t.here); err != nil {
		return err
	}
	if err := t.in.client.collection(spec.Server).readInto(c.ctx, nil, &t.there); err != nil {
		return err
	}
	for _, n := range t.needs {
		if !slices.Contains(t.there.Extensions, n.extension) {
			e := errors.New(errors.Unsupported, "%s: %s needs the API extension %q, which the other server lacks", c.name, n.what, n.extension)
			e.Fields = map[string]any{"extension": n.extension}
			return e
		}
	}
	if err := t.place(c.ctx); err != nil {
		return err
	}
	same := t.here.Environment.Fingerprint != "" && t.here.Environment.Fingerprint == t.there.Environment.Fingerprint
	if c.obj.ref.res.Source == spec.PoolAndName && c.obj.member() != t.in.target {
		same = false // members have volumes of the same name
	}
	if same && cmp.Or(t.in.project, "default") == cmp.Or(c.obj.ref.project, "default") && t.in.item(t.name).path == c.obj.ref.path {
		return t.refuse("%s would be copied to itself: to= is a client of the same server", c.obj)
	}
	switch reached := map[string][]string{modePull: t.here.Environment.Addresses, modePush: t.there.Environment.Addresses}; {
	case t.mode == modeRelay || len(reached[t.mode]) > 0:
	case t.mode == modePull:
		t.refusals = append(t.refusals, t.refuse(`this server has no address on the network (core.https_address), so the other can't connect to it: mode="push" or mode="relay" goes without`))
	default:
		t.refusals = append(t.refusals, t.refuse(`the other server has no address on the network (core.https_address), so this one can't connect to it: mode="pull" or mode="relay" goes without`))
	}
	if err := t.checkName(c.ctx); err != nil {
		return err
	}
	if spec.Find(t.in.res.Fields, "profiles") != nil {
		devices, err := t.checkProfiles(c.ctx)
		if err != nil {
			return err
		}
		if t.options["refresh"] != true {
			maps.Copy(devices, mapOf(t.body["devices"]))
			lacks, err := t.in.lacksDevices(c.ctx, t.object, devices, mapOf(t.body["devices"]), "the other server")
			if err != nil {
				return err
			}
			t.refusals = append(t.refusals, lacks...)
		}
	}
	return inOne(t.refusals)
}

// place sets the cluster member of the copy if the script doesn't and only one is right: that of a copy to refresh, which
// servers look for on any member, and for a new volume the member that answers, because other members may have volumes
// of the same name. A refreshed instance stays in its pool, because servers only change the name of the pool.
func (t *migration) place(ctx context.Context) error {
	volume := t.in.res.Source == spec.PoolAndName
	clustered := t.there.Environment.Clustered && t.in.target == ""
	if t.options["refresh"] == true && (clustered || !volume) {
		made := newObject(t.in.item(t.name))
		err := made.read(ctx)
		switch {
		case errors.Is(err, errors.NotFound):
		case err != nil:
			return err
		default:
			if clustered {
				t.in.target = made.member()
			}
			if err := t.keepPool(made); err != nil {
				return err
			}
		}
	}
	if clustered && volume && t.in.target == "" {
		t.in.target = t.there.Environment.Name
	}
	return nil
}

// keepPool sets the pool of the copy's root disk to that of an instance to refresh.
func (t *migration) keepPool(made *Object) error {
	v, _, _ := made.fields.Get(starlark.String("expanded_devices"))
	if v == nil {
		return nil
	}
	devices, err := value.ToGo(v)
	if err != nil {
		return err
	}
	for _, device := range mapOf(devices) {
		if pool, ok := mapOf(device)["pool"].(string); ok && isRoot(device) {
			setRootPool(mapOf(t.body["devices"]), pool)
		}
	}
	return nil
}

func (t *migration) refuse(format string, args ...any) *errors.Error {
	e := errors.New(errors.BadRequest, format, args...)
	e.Method, e.Path = "POST", t.in.path
	return e
}

// checkName refuses a name that another object has, because the messages of some servers don't tell.
func (t *migration) checkName(ctx context.Context) error {
	if t.options["refresh"] == true {
		return nil
	}
	at := t.in.item(t.name)
	err := at.readInto(ctx, at.query(spec.Get), new(any))
	if errors.Is(err, errors.API) { // it is free, or not for this client to see
		return nil
	}
	if err == nil {
		what := errors.About(&errors.Request{Path: at.path})
		e := errors.New(errors.AlreadyExists, "the other server has %s already: give the copy another name", what)
		e.Method, e.Path, e.Object = "POST", t.in.path, what
		t.refusals = append(t.refusals, e)
	}
	return err
}

// checkProfiles refuses profiles of the copy or of its snapshots that the other server lacks, and returns the devices that the copy has
// from the others.
func (t *migration) checkProfiles(ctx context.Context) (devices map[string]any, err error) {
	at := t.in.client.collection(spec.Profiles)
	at.project = t.in.project
	query := at.query(spec.List)
	query.Set("recursion", "1")
	var profiles []struct {
		Name    string
		Devices map[string]any
	}
	if err := at.readInto(ctx, query, &profiles); err != nil {
		return nil, err
	}
	known := make(map[string]map[string]any)
	for _, p := range profiles {
		known[p.Name] = p.Devices
	}
	told := make(map[string]bool)
	lacks := func(who, advice string, profiles []string) {
		missing := slices.DeleteFunc(slices.Clone(profiles), func(name string) bool { _, has := known[name]; return has || told[name] })
		if len(missing) == 0 {
			return
		}
		for _, name := range missing {
			told[name] = true
		}
		what := "profile " + missing[0]
		if len(missing) > 1 {
			what = "profiles " + strings.Join(missing, ", ")
		}
		e := errors.New(errors.NotFound, "the other server has no %s, which %s needs there: create it, or %s", what, who, advice)
		e.Method, e.Path, e.Object = "GET", spec.Profiles.Path, &errors.Object{Kind: "profile", Name: missing[0]}
		t.refusals = append(t.refusals, e)
	}
	lacks(t.object.String(), "name others with profiles=", listOf(t.body["profiles"]))
	devices = make(map[string]any)
	for _, name := range listOf(t.body["profiles"]) {
		maps.Copy(devices, known[name])
	}
	if t.object.ref.res.Source != spec.ByItsName || t.options["instance_only"] == true {
		return devices, nil
	}
	var snapshots []struct {
		Name     string
		Profiles []string
	}
	query = t.object.ref.query(0)
	query.Set("recursion", "1")
	if err := t.object.ref.join("snapshots").readInto(ctx, query, &snapshots); err != nil {
		return nil, err
	}
	for _, s := range snapshots {
		lacks("its snapshot "+s.Name, "leave out the snapshots with instance_only=True", s.Profiles)
	}
	return devices, nil
}
