package starlarkincus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// behaviors implement the methods of the table. Each serves all resources.
var behaviors = [spec.Behaviors]func(*invocation) (starlark.Value, error){
	spec.DoList:         list,
	spec.DoNames:        listNames,
	spec.DoGet:          get,
	spec.DoExists:       exists,
	spec.DoCreate:       create,
	spec.DoEnsure:       ensure,
	spec.DoRefresh:      refresh,
	spec.DoUpdate:       update,
	spec.DoReplace:      replace,
	spec.DoRename:       rename,
	spec.DoDelete:       remove,
	spec.DoAct:          act,
	spec.DoRead:         readBelow,
	spec.DoGetRaw:       getRaw,
	spec.DoCreateRaw:    createRaw,
	spec.DoReadRaw:      readRaw,
	spec.DoOffer:        startOperation,
	spec.DoToken:        token,
	spec.DoListTokens:   listTokens,
	spec.DoRevokeToken:  revokeTokens,
	spec.DoCopy:         copyObject,
	spec.DoMove:         move,
	spec.DoRebuild:      rebuild,
	spec.DoPublish:      publish,
	spec.DoExportImage:  exportImage,
	spec.DoUploadImage:  uploadImage,
	spec.DoCopyImage:    copyImage,
	spec.DoExportBackup: exportBackup,
	spec.DoStreamBackup: streamBackup,
	spec.DoStreamImage:  streamImage,
	spec.DoImport:       importFile,
	spec.DoJoin:         join,
	spec.DoExec:         exec,
	spec.DoShell:        shell,
	spec.DoConsole:      console,
	spec.DoReadFile:     readFile,
	spec.DoWriteFile:    writeFile,
	spec.DoAppendFile:   appendFile,
	spec.DoListFiles:    listFiles,
	spec.DoStatFile:     statFile,
	spec.DoFileExists:   fileExists,
	spec.DoMakeFolder:   makeFolder,
	spec.DoMakeLink:     makeLink,
	spec.DoRenameFile:   renameFile,
	spec.DoDeleteFile:   deleteFile,
	spec.DoPush:         pushFiles,
	spec.DoPull:         pullFiles,
	spec.DoWriteInput:   writeInput,
	spec.DoCloseInput:   closeInput,
	spec.DoLines:        lines,
	spec.DoFields:       fieldsOf,
	spec.DoSignal:       sendSignal,
	spec.DoWaitCommand:  waitCommand,
	spec.DoWaitReady:    waitReady,
	spec.DoAddresses:    addresses,
	spec.DoWait:         waitOperation,
	spec.DoCancel:       cancelOperation,
	spec.DoLock:         lock,
	spec.DoRenewLock:    renewLock,
	spec.DoReleaseLock:  releaseLock,
	spec.DoConnect:      connect,
	spec.DoUse:          use,
	spec.DoRequest:      request,
	spec.DoHasExtension: hasExtension,
	spec.DoEvents:       listen,
	spec.DoMetrics:      metrics,

	spec.DoListRemotes:      listRemotes,
	spec.DoRemoteNames:      remoteNames,
	spec.DoRemoteExists:     remoteExists,
	spec.DoAddRemote:        addRemote,
	spec.DoRemoveRemote:     removeRemote,
	spec.DoRenameRemote:     renameRemote,
	spec.DoSetDefaultRemote: setDefaultRemote,
}

func create(c *invocation) (starlark.Value, error) {
	o, out, err := c.create(c.args.body)
	if out.going != nil || err != nil {
		return out.going, err
	}
	return o, nil
}

// create creates the object given by the call, with the given fields.
func (c *invocation) create(given map[string]any) (*Object, outcome, error) {
	res, method := c.ref.res, "POST"
	body, err := c.newBody(given)
	if err != nil {
		return nil, outcome{}, err
	}
	in, name := c.within(c.segmentName(c.defaultSegment())), c.key()
	p := in
	switch res.Named {
	case spec.AtItsPath:
		p, method = in.item(name), "PUT"
	case spec.ByCaller:
		body[res.Key] = name
	}
	out, err := p.submit(c.ctx, c.request(p, method, body), c.patience())
	if out.reply == nil || out.going != nil {
		c.lostAnswer(in.item(name), err)
		return nil, out, err
	}
	if err != nil {
		err = in.madeAnything(c.ctx, name, body, err)
		if !c.removeRemains(in.item(name), out, err) {
			return nil, out, err
		}
		o := newObject(in.item(name))
		return o, out, c.finish(o, body, out.reply.Operation, err)
	}
	if chosen := chosenKey(res, in, out.reply, out.state); chosen != "" {
		name = chosen
	}
	o := newObject(in.item(name))
	c.made = o
	return o, out, c.readMade(o)
}

// newBody returns the body to create an object with.
func (c *invocation) newBody(given map[string]any) (map[string]any, error) {
	res := c.ref.res
	image := map[string]any(nil)
	if c.args.has("image") {
		var err error
		if image, err = c.ref.imageSource(c.ctx, c.args.string("image")); err != nil {
			return nil, err
		}
	}
	given, err := c.ref.withInherited(c.ctx, given, nil, []string{"default"})
	if err != nil {
		return nil, err
	}
	body := bareCertificates(res, withoutUnset(res, given))
	maps.Copy(body, c.decl.Send)
	if image != nil {
		body["source"] = image
	}
	for _, f := range res.Fields {
		if f.Missing != "" && body[f.Name] == nil {
			return nil, fmt.Errorf("%s: %s", c.name, f.Missing)
		}
	}
	return body, nil
}

// chosenKey returns the server-assigned key, from the Location header or the operation's metadata; empty for none.
func chosenKey(res *spec.Resource, at ref, reply *rest.Reply, state *rest.State) string {
	if state != nil {
		var metadata map[string]any
		if json.Unmarshal(state.Metadata, &metadata) == nil && res.Named == spec.ByServer {
			key, _ := metadata[res.Key].(string)
			return key
		}
		return ""
	}
	location, _, _ := strings.Cut(reply.Header.Get("Location"), "?")
	rest, below := strings.CutPrefix(location, at.path+"/")
	name, err := url.PathUnescape(rest)
	if !below || err != nil || strings.Contains(rest, "/") {
		return ""
	}
	return name
}

func refresh(c *invocation) (starlark.Value, error) { return c.obj, c.obj.read(c.ctx) }

func update(c *invocation) (starlark.Value, error) {
	if err := c.obj.checkChange(c.name, c.args.body, c.args.unset...); err != nil {
		return nil, err
	}
	out, err := c.obj.merge(c.ctx, c.args.body, false, c.patience())
	return c.obj.after(c, out, err)
}

// checkChange rejects an empty change, and values that servers ignore.
func (o *Object) checkChange(method string, given map[string]any, unset ...string) error {
	switch {
	case len(given) > 0:
	case len(unset) == 0:
		return fmt.Errorf("%s: nothing to change: name at least one field", method)
	default:
		why := "None leaves it as it is"
		if f := spec.Find(o.ref.res.Fields, unset[0]); f != nil && emptyWords[f.Type] != "" && !f.Stays {
			why += "; " + emptyWords[f.Type]
		}
		return fmt.Errorf("%s: nothing to change: %s: %s", method, unset[0], why)
	}
	for _, f := range o.ref.res.Fields {
		if v, named := given[f.Name]; named && f.Stays && empty(v) {
			return fmt.Errorf("%s: %s can't be emptied: servers ignore an empty one", method, f.Script())
		}
	}
	return nil
}

// emptyWords describe how a field is emptied, by its type.
var emptyWords = map[spec.Type]string{
	spec.String: `"" empties it`, spec.Strings: "[] empties it", spec.Objects: "[] empties it", spec.Object: "{} empties it",
	spec.Bool: "False is the other value", spec.Config: `{"user.x": None} unsets a key`, spec.Devices: `{"eth0": None} removes a device`,
}

// The servers' notations for an unset time, which is None in scripts. An instance that was never started has the second as
// last_used_at.
const (
	zeroTime  = "0001-01-01T00:00:00Z"
	epochTime = "1970-01-01T00:00:00Z"
)

// merge reads the object, unless that was just done, and merges the fields by a PUT with its ETag. It starts again if
// the object was changed meanwhile.
func (o *Object) merge(ctx context.Context, given map[string]any, justRead bool, w patience) (outcome, error) {
	for n := range maxMerges {
		if n > 0 || !justRead {
			if err := o.read(ctx); err != nil {
				return outcome{}, err
			}
		}
		out, err := o.put(ctx, o, given, merged, w)
		if out.reply != nil || !errors.Is(err, errors.PreconditionFailed) {
			return out, err
		}
		if err := pause(ctx, rand.N(time.Duration(n+1)*mergeDelay)); err != nil {
			return outcome{}, err
		}
	}
	return outcome{}, errors.New(errors.PreconditionFailed, "%s was changed by somebody else each of the %d times that it was about to be updated", o, maxMerges)
}

// maxMerges bounds the attempts of merge. The pause between two grows by mergeDelay, so that many concurrent changes
// succeed.
const (
	maxMerges  = 30
	mergeDelay = 2 * time.Millisecond
)

// replace replaces the given fields by a PUT of the others as last read. Because the server's ETag omits some fields,
// such as an instance's description, the object is read again and compared; the ETag covers only later changes.
func replace(c *invocation) (starlark.Value, error) {
	o := c.obj
	if err := o.checkChange(c.name, c.args.body, c.args.unset...); err != nil {
		return nil, err
	}
	now := newObject(o.ref)
	if err := now.read(c.ctx); err != nil {
		return nil, err
	}
	if same, err := o.sameAs(now); err != nil || !same {
		return nil, cmp.Or(err, error(&errors.Error{Class: errors.PreconditionFailed, Method: "PUT", Path: o.ref.path,
			Message: fmt.Sprintf("%s was changed since it was read", o)}))
	}
	out, err := o.put(c.ctx, now, c.args.body, replaced, c.patience())
	return o.after(c, out, err)
}

// replaced returns the given value. In a configuration, missing keys become null, except volatile ones.
func replaced(t spec.Type, before, given any) any {
	m, isConfig := given.(map[string]any)
	if !isConfig || t != spec.Config {
		return given
	}
	out := maps.Clone(m)
	for key, old := range mapOf(before) {
		switch _, said := m[key]; {
		case said && m[key] != nil:
		case isVolatile(key) && !said: // kept by the server
			out[key] = old
		default:
			out[key] = nil
		}
	}
	return out
}

// sameAs reports whether another reading of the object has the same changeable fields, except for volatile keys.
func (o *Object) sameAs(now *Object) (bool, error) {
	var sides [2]any
	for i, one := range []*Object{o, now} {
		v, err := value.ToGo(one.writable())
		if err != nil {
			return false, err
		}
		fields := v.(map[string]any)
		for _, f := range o.ref.res.Fields {
			if f.Type == spec.Config {
				maps.DeleteFunc(mapOf(fields[f.Name]), func(key string, _ any) bool { return isVolatile(key) })
			}
		}
		sides[i] = fields
	}
	return text(sides[0]) == text(sides[1]), nil
}

func rename(c *invocation) (starlark.Value, error) {
	name := c.args.string("name")
	out, err := c.send(map[string]any{c.ref.res.Key: name})
	if out.going != nil || err != nil {
		return out.going, err
	}
	c.obj.ref = c.ref.parent().item(name)
	return c.obj, c.obj.read(c.ctx)
}

// remove deletes an object.
func remove(c *invocation) (starlark.Value, error) {
	p := c.ref
	if c.obj == nil {
		var err error
		if p, err = c.one(); err != nil {
			return nil, err
		}
	}
	request := c.request(p, "DELETE", nil)
	var out outcome
	var err error
	if c.args.flag("force", false) {
		c.due.state = true
		out, err = p.removeByForce(c.ctx, request, c.patience())
	} else {
		out, err = p.submit(c.ctx, request, c.patience())
	}
	if out.going != nil || err != nil {
		return out.going, err
	}
	return starlark.None, nil
}

func act(c *invocation) (starlark.Value, error) { return c.act(c.body()) }

// act sends the method's request with a body, and returns the method's result.
func (c *invocation) act(body map[string]any) (starlark.Value, error) {
	out, err := c.send(body)
	if c.obj != nil {
		return c.obj.after(c, out, err)
	}
	if out.going != nil || err != nil {
		return out.going, err
	}
	return starlark.None, nil
}

// readBelow reads a resource below an object: an object, a list of objects, or any JSON value.
func readBelow(c *invocation) (starlark.Value, error) {
	p := c.ref.join(c.decl.Path)
	v, reply, err := p.read(c.ctx, c.request(c.ref, "GET", nil).Query, maxList)
	if err != nil {
		return nil, err
	}
	if p.res = c.decl.Returns.Of; p.res == nil {
		v.Freeze()
		return v, nil
	}
	if c.decl.Returns.Shape != spec.ListOf {
		o := newObject(p)
		return o, o.set(v, "")
	}
	elems, ok := elements(p.res, v, "")
	if !ok {
		return nil, unreadable("GET", p.path, reply, fmt.Errorf("got a %s instead of a list", v.Type()))
	}
	return objects(p, elems)
}
