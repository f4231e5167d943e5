package starlarkincus_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

// TestColumnsOfStates asks for all that list(state=True) reads, of each kind, without it: by each name in a table, by each
// with a slip of the pen, and by the names of the state's own fields. The error tells what reads it, as long as nothing has.
func TestColumnsOfStates(t *testing.T) {
	tried := 0
	for _, site := range spec.Sites() {
		columns := site.StateColumns()
		if len(columns) == 0 {
			continue
		}
		list := map[string]string{"instances": "incus.instances", "volumes": `incus.storage_pools.get("p").volumes`}[site.Name]
		if list == "" {
			t.Errorf("%s: unknown collection", site.Name)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(columns)) {
			for _, state := range []string{"", `, "state": null, "snapshots": null`, `, "state": {"started_at": "0001-01-01T00:00:00Z", "usage": {"used": 7}, "memory": {"usage": 7}}, "snapshots": [{"name": "x/s0"}]`} {
				tried++
				script := `rows = ` + list + `.list()
def told(name, want):
    message = getattr(catch(ScriptError, table.text, rows, [name]).error, "message", "")
    if (want not in message) if want else message:
        fail(name, message)
`
				want := fmt.Sprintf("told(%q, %q)\n", name, name+" was not read: list(state=True) reads it")
				ending := " list(state=True) reads it)"
				if state != "" {
					want, ending = fmt.Sprintf("told(%q, \"\")\n", name), ")"
				}
				script += want
				if len(name) > 5 {
					script += fmt.Sprintf("told(%q, %q)\n", name[:2]+name[3:], "?"+ending)
				}
				for _, f := range site.State().Fields {
					if spec.Find(site.Fields, f.Name) == nil {
						script += fmt.Sprintf("told(%q, %q)\n", f.Script(), "(did you mean state."+f.Script()+"?"+ending)
						script += fmt.Sprintf("e = catch(ScriptError, lambda: rows[0].%[1]s).error\n\".state().%[1]s\" in e.message or fail(e)\n", f.Script())
					}
				}
				if strings.HasPrefix(name, "last_") {
					script += fmt.Sprintf("e = catch(ScriptError, lambda: rows[0].%s).error\n%q in e.message or fail(e)\n", name[:6]+name[7:], "did you mean ."+name+"?"+ending)
				}
				runFake(t, script, stateExchanges(site.Name, state))
			}
		}
	}
	if t.Log(tried); tried < 20 {
		t.Error("too few")
	}
}

func stateExchanges(kind, state string) []exchange {
	if kind == "instances" {
		return []exchange{{"GET /1.0/instances?recursion=1", "", `[{"name": "a"` + state + `}]`}}
	}
	return []exchange{
		{"GET /1.0/storage-pools/p", "", `{"name": "p", "driver": "dir"}`},
		{"GET /1.0/storage-pools/p/volumes?recursion=1", "", `[{"name": "a", "type": "custom"` + state + `}]`},
	}
}
