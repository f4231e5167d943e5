package check

import (
	"context"
	"io"
	"slices"
	"sync"

	"incus-star/starlarkincus"
	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// typeName returns the type's name in Starlark.
func (t typ) typeName() string { return t.sample().Type() }

// String returns the type's name in messages of the incus module.
func (t typ) String() string {
	switch t.class {
	case client:
		return "incus"
	case collection:
		return t.res.Name
	case object:
		return t.res.Kind
	case result:
		return "Result"
	}
	return t.name
}

// A standIn is a sample of a type of the incus module.
type standIn struct{ name string }

func (s standIn) String() string        { return s.name }
func (s standIn) Type() string          { return s.name }
func (s standIn) Freeze()               {}
func (s standIn) Truth() starlark.Bool  { return true }
func (s standIn) Hash() (uint32, error) { return 0, nil }

// A mapped is a standIn with keys.
type mapped struct {
	standIn
	key string // the field that identifies it
}

func (m mapped) KeyField() string { return m.key }

func (mapped) Get(starlark.Value) (starlark.Value, bool, error) { return starlark.None, true, nil }
func (mapped) Iterate() starlark.Iterator                       { return starlark.Tuple{}.Iterate() }
func (mapped) Items() []starlark.Tuple                          { return nil }

// A called is a standIn for a method.
type called struct{ standIn }

func (c called) Name() string { return c.name }
func (called) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.None, nil
}

// A streamed is a standIn for a loop, with attributes.
type streamed struct {
	standIn
	attrs []string
}

func (streamed) Iterate() starlark.Iterator { return starlark.Tuple{}.Iterate() }
func (s streamed) AttrNames() []string      { return s.attrs }

func (s streamed) Attr(name string) (starlark.Value, error) {
	if slices.Contains(s.attrs, name) {
		return starlark.None, nil
	}
	return nil, nil
}

// An eventful is a standIn for the events of a server.
type eventful struct{ streamed }

func (eventful) AttrNames() []string { return []string{"close"} }

func (e eventful) Attr(name string) (starlark.Value, error) {
	if d := declare.Events.Member(name); d != nil {
		return d.Function().BindReceiver(e), nil
	}
	return nil, nil
}

// A read is a standIn for a stream of bytes.
type read struct{ streamed }

var _ declare.Stream = read{}

func (read) Begin() error                                { return nil }
func (read) Read(context.Context) ([]byte, error)        { return nil, io.EOF }
func (read) Close(_ context.Context, failed error) error { return failed }

// clientSample is a client, which never connects.
var clientSample = sync.OnceValue(func() starlark.Value { return starlarkincus.New(starlarkincus.Options{}) })

// sampleServers returns one server for names, without reading any configuration.
func sampleServers(ctx context.Context, servers []starlark.Value) ([]declare.Server, error) {
	client := clientSample().(*starlarkincus.Client)
	var found []declare.Server
	for _, one := range servers {
		if _, name := one.(starlark.String); !name {
			return client.Servers(ctx, servers)
		}
		found = append(found, declare.Server{Name: "a", Client: client})
	}
	return found, nil
}

// hostSamples are the samples of the host's types, which a script builds once.
var hostSamples = sync.OnceValue(func() map[class]starlark.Value {
	h := host.New(host.Options{Servers: sampleServers})
	values := make(map[class]starlark.Value)
	for c, code := range map[class]string{
		pattern: `re.compile("a")`, match: `re.search("a", "a")`, moment: "time.now()", function: "(lambda *args, **kwargs: True)",
		failure: `IncusExecError("a")`, result: "try_(lambda: None)", environ: "env", library: "json", errorClass: "IncusError", fleet: `fleet("a")`,
	} {
		v, err := h.NewSession().Eval(context.Background(), code)
		if err != nil {
			panic("check: " + err.Error())
		}
		values[c] = v
	}
	return values
})

// exact returns the value if it is known, or else a sample.
func (t typ) exact() starlark.Value {
	if t.value != nil {
		return t.value
	}
	return t.sample()
}

// fixed returns exact, frozen if values of the type are.
func (t typ) fixed() starlark.Value {
	v := t.exact()
	if t.frozen {
		v.Freeze()
	}
	return v
}

// sample returns a value of the type, which stands for all of them: operators and functions accept or refuse it like
// any other.
func (t typ) sample() starlark.Value {
	switch t.class {
	case none:
		return starlark.None
	case boolean:
		return starlark.True
	case integer:
		return starlark.MakeInt(1)
	case float:
		return starlark.Float(1)
	case text:
		return starlark.String("a")
	case octets:
		return starlark.Bytes("a")
	case list:
		return new(starlark.List)
	case tuple:
		return starlark.Tuple{}
	case dict:
		return new(starlark.Dict)
	case set:
		return new(starlark.Set)
	case ranged:
		v, _ := starlark.Call(new(starlark.Thread), starlark.Universe["range"], starlark.Tuple{starlark.MakeInt(1)}, nil)
		return v
	case structure:
		fields := make(starlark.StringDict)
		for name := range t.fields {
			fields[name] = starlark.None
		}
		name := t.name
		if name == "" {
			return starlarkstruct.FromStringDict(starlarkstruct.Default, fields)
		}
		return starlarkstruct.FromStringDict(starlark.String(name), fields)
	case builtin, bound:
		return starlark.NewBuiltin(t.name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.None, nil
		})
	case errorClass:
		if d := host.Declared(t.name); d != nil {
			return d.Make()
		}
	case client:
		return clientSample()
	case collection:
		return called{standIn{"collection"}}
	case object:
		return mapped{standIn{t.res.Kind}, t.res.Key}
	case stream:
		s := streamed{standIn{t.name}, starlarkincus.StreamAttrs[t.name]}
		if t.name == declare.Events.Name {
			return eventful{s}
		}
		if t.name == "stream" {
			return read{s}
		}
		return s
	case method:
		return called{standIn{"method"}}
	case duration:
		return time.Duration(1e9)
	}
	return hostSamples()[t.class]
}
