package builtin

import "go.starlark.net/starlark"

// Events declares the streams of a server's events. The receivers of its methods have a method CloseEvents.
var Events = Decl{
	Name: "events", Methods: true,
	Help: `The events of a server, for one loop: the result of incus.events. help("event") lists the fields of each.`,
	Members: []Decl{{
		Name:    "events.close",
		Returns: None, Help: `Ends the events, from any task. The loop over them gets those that have come before, and ends without an error.

    for e in events:
        if e.type == "gap":
            events.close()

After the end of the loop, or another close, it does nothing.`,
		Call: func(c *Call) (starlark.Value, error) {
			if err := c.Unpack(); err != nil {
				return nil, err
			}
			c.Receiver.(interface{ CloseEvents() }).CloseEvents()
			return starlark.None, nil
		},
	}},
}
