package starlarkincus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"
)

// ConfigKeys returns the list of all configuration keys, with the kinds of objects that they belong to, and of the keys
// of devices, whose kind begins with "device_".
func (c *Client) ConfigKeys() *NameList {
	return &NameList{Key: fmt.Sprintf("%p configuration", c.conn), Server: c.server(), Fixed: true, Read: func(ctx context.Context) ([]Name, error) {
		keys, err := c.DescribedKeys(ctx)
		if err != nil {
			return nil, err
		}
		out := make([]Name, len(keys))
		for i, k := range keys {
			out[i] = Name{Text: k.Name, Kind: k.Type, Of: k.Of}
		}
		return out, nil
	}}
}

// DescribedKeys reads the server's descriptions of configuration keys and of the keys of devices, sorted by names.
func (c *Client) DescribedKeys(ctx context.Context) ([]spec.Key, error) {
	var described struct {
		Configs map[string]map[string]struct {
			Keys []map[string]struct {
				Type    looseText `json:"type"`
				Default looseText `json:"default"`
				Initial looseText `json:"initialvaluedesc"`
				Usual   looseText `json:"defaultdesc"`
				Short   looseText `json:"shortdesc"`
				Long    looseText `json:"longdesc"`
				When    looseText `json:"condition"`
				Live    looseText `json:"liveupdate"`
				Needed  looseText `json:"required"`
				Scope   looseText `json:"scope"`
			} `json:"keys"`
		} `json:"configs"`
	}
	if err := c.read(ctx, "/1.0/metadata/configuration", nil, &described); err != nil {
		return nil, err
	}
	var out []spec.Key
	for kind, groups := range described.Configs {
		for group, keys := range groups {
			of := kind
			if kind == "devices" {
				of = "device_" + strings.ReplaceAll(group, "_", "-")
			}
			for _, each := range keys.Keys {
				for name, k := range each {
					out = append(out, spec.Key{Name: name, Of: of, Type: string(k.Type), Default: string(cmp.Or(k.Usual, k.Default)), Initial: string(k.Initial),
						Doc: string(k.Short), More: string(k.Long), When: string(k.When), Live: string(k.Live), Required: string(k.Needed), Scope: string(k.Scope)})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b spec.Key) int { return strings.Compare(a.Name+"\x00"+a.Of, b.Name+"\x00"+b.Of) })
	return out, nil
}

// A looseText is a text, or another value as a text: the descriptions of keys aren't part of the API's description.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	var text string
	switch {
	case json.Unmarshal(data, &text) == nil:
		*t = looseText(text)
	case data[0] != '[' && data[0] != '{':
		*t = looseText(data)
	}
	return nil
}
