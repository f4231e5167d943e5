package spec

var networkConfig = Field{Name: "config", Type: Config, Use: All, Auto: []string{"ipv4.address", "ipv6.address"},
	Doc: "configuration keys and their values"}

// Networks are the networks, managed and unmanaged.
var Networks = &Resource{
	Name: "networks", Kind: "Network", Path: "/1.0/networks", Key: "name", Scope: InProject, Keys: Keys{"network", "type", "bridge"},
	Filter: filterArg("api_filtering_extended"), AllProjects: allProjectsArg("networks_all_projects"),
	Doc:    "Managed networks, and the interfaces of the host.",
	Verbs:  List | Get | New | Update | Replace | Rename | Delete,
	Target: Get | New | Update | Replace,
	Takes:  []*Resource{forwards, loadBalancers, peers},
	Columns: append(columns("name", "type", "managed"), Column{Field: "config", Key: "ipv4.address", Header: "ipv4"}, Column{Field: "config", Key: "ipv6.address", Header: "ipv6"},
		Column{Field: "description"}, usedByColumn, Column{Field: "status"}, projectColumn),
	Fields: []Field{nameField, descriptionField, networkConfig,
		{Name: "type", Type: String, Use: Read | Create, Values: []string{"bridge", "ovn", "macvlan", "sriov", "physical"}, Doc: "the type: bridge (the default), ovn, macvlan, sriov or physical"},
		{Name: "managed", Type: Bool, Use: Read, Doc: "whether Incus manages it"},
		{Name: "status", Type: String, Use: Read, Doc: "Created, Pending, Errored or Unknown"},
		usedByField, locationsField, ownerField,
	},
	CreateArgs: []Field{{Name: "target", Type: String, In: Query, Refers: ToMember,
		Doc: "the cluster member to prepare; in a cluster call create once for each member, and then once without target"}},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(networkState), Effect: Reads, Target: true,
			Doc: "Returns its addresses, counters and link, as a NetworkState."},
	},
	Children: []*Resource{forwards, loadBalancers, peers, leases},
}

var networkState = &Resource{
	Kind: "NetworkState", Doc: "The state of a network at one moment.", Verbs: Get,
	Columns: columns("state", "type", "mtu", "hwaddr"),
	Fields: []Field{
		{Name: "addresses", Type: Objects, Use: Read, Doc: "its addresses, each with family, address, netmask and scope"},
		{Name: "counters", Type: Object, Use: Read, Doc: "bytes and packets, received and sent"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "its MAC address"},
		{Name: "mtu", Type: Int, Use: Read, Doc: "the maximum size of a packet, in bytes"},
		{Name: "state", Type: String, Use: Read, Doc: "the state of the link: up or down"},
		{Name: "type", Type: String, Use: Read, Doc: "the type, such as broadcast"},
		{Name: "bond", Type: Object, Use: Read, Doc: "the mode and the members of a bond"},
		{Name: "bridge", Type: Object, Use: Read, Doc: "the ports and the settings of a bridge"},
		{Name: "ovn", Type: Object, Use: Read, Doc: "the chassis, the router and the uplink of an OVN network"},
		{Name: "vlan", Type: Object, Use: Read, Doc: "the number and the device of a VLAN"},
	},
}

var listenField = Field{Name: "listen_address", Type: Name, Use: Read | Create, Doc: "the listen address"}

// listenDoc describes the key of a forward or a load balancer.
const listenDoc = "the listen address"

var forwards = &Resource{
	Name: "forwards", Kind: "Forward", Path: "forwards", Key: "listen_address", KeyDoc: listenDoc, Keys: Keys{Kind: "network_forward"},
	Filter:  filterArg("api_filtering_extended"),
	Doc:     "Forwards of external addresses and ports to instances of the network.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Columns: append(columns("listen_address", "description"), Column{Field: "config", Key: "target_address", Header: "default target address"}, Column{Field: "ports", Key: "listen_port", Header: "ports"}, locationColumn),
	Fields: []Field{listenField, descriptionField, configField, locationField,
		{Name: "ports", Type: Objects, Use: All, Doc: "the forwarded ports; others go to target_address of config", Fields: []Field{
			{Name: "protocol", Type: String, Values: []string{"tcp", "udp"}, Doc: "the protocol: tcp or udp"},
			{Name: "listen_port", Type: String, Doc: "the ports, such as 80,90-99"},
			{Name: "target_address", Type: String, Doc: "the target address"},
			{Name: "target_port", Type: String, Doc: "the target ports; default: the same ports"},
			{Name: "description", Type: String, Doc: "a description, in free text"},
			{Name: "snat", Type: Bool, Extension: "network_forward_snat", Doc: "True uses the listen address also for outgoing traffic of the target"},
		}},
	},
}

var loadBalancers = &Resource{
	Name: "load_balancers", Kind: "LoadBalancer", Path: "load-balancers", Key: "listen_address", KeyDoc: listenDoc, Keys: Keys{Kind: "network_load_balancer"},
	Filter:  filterArg("api_filtering_extended"),
	Doc:     "Load balancers of an OVN network.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Columns: append(columns("listen_address", "description"), Column{Field: "ports", Key: "listen_port", Header: "ports"}, locationColumn),
	Fields: []Field{listenField, descriptionField, configField, locationField,
		{Name: "backends", Type: Objects, Use: All, Doc: "the targets, each with a name", Fields: []Field{
			{Name: "name", Type: String, Doc: "the name, for target_backend"},
			{Name: "target_address", Type: String, Doc: "the target address"},
			{Name: "target_port", Type: String, Doc: "the target ports; default: the same ports"},
			{Name: "description", Type: String, Doc: "a description, in free text"},
		}},
		{Name: "ports", Type: Objects, Use: All, Doc: "the ports and their backends", Fields: []Field{
			{Name: "protocol", Type: String, Values: []string{"tcp", "udp"}, Doc: "the protocol: tcp or udp"},
			{Name: "listen_port", Type: String, Doc: "the ports, such as 80,90-99"},
			{Name: "target_backend", Type: Strings, Doc: "the names of the backends, used in turn"},
			{Name: "description", Type: String, Doc: "a description, in free text"},
		}},
	},
	Methods: []Method{{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(loadBalancerState), Effect: Reads, Extension: "network_load_balancer_state",
		Doc: "Returns the health of its backends, as a LoadBalancerState."}},
}

var loadBalancerState = &Resource{
	Kind: "LoadBalancerState", Doc: "The state of a load balancer at one moment.", Verbs: Get,
	Columns: []Column{{Field: "backend_health"}},
	Fields:  []Field{{Name: "backend_health", Type: Object, Use: Read, Doc: "by backend, its address and the status of its ports, if they are checked"}},
}

var peers = &Resource{
	Name: "peers", Kind: "Peer", Path: "peers", Key: "name", Filter: filterArg("api_filtering_extended"),
	Doc:     "Connections of an OVN network to other networks.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Columns: columns("name", "description", "target_network", "target_project", "type", "status"),
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "type", Type: String, Use: Read | Create, Values: []string{"local", "remote"}, Doc: "the type: local (the default), or remote, through an integration"},
		{Name: "target_network", Type: String, Use: Read | Create, Refers: ToNetwork, Doc: "the name of the other network"},
		{Name: "target_project", Type: String, Use: Read | Create, Refers: ToProject, Doc: "the project of the other network"},
		{Name: "target_integration", Type: String, Use: Read | Create, Refers: ToIntegration, Doc: "the integration, for a remote peer"},
		{Name: "status", Type: String, Use: Read, Doc: "Pending until the other side has a peer too, then Created"},
		usedByField,
	},
}

var leases = &Resource{
	Name: "leases", Kind: "Lease", Path: "leases", Lists: Elements, Target: List,
	Doc:     "Addresses assigned by the network.",
	Verbs:   List,
	Columns: append(columns("hostname", "hwaddr", "address", "type"), locationColumn),
	Fields: []Field{
		{Name: "hostname", Type: String, Use: Read, Doc: "the name of the machine"},
		{Name: "address", Type: String, Use: Read, Doc: "the address"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "the MAC address of the machine"},
		{Name: "type", Type: String, Use: Read, Doc: "the type: static, dynamic, gateway or uplink"},
		locationField,
	},
}

// aclRule lists the fields of a rule.
var aclRule = []Field{
	{Name: "action", Type: String, Values: []string{"allow", "allow-stateless", "drop", "reject"}, Doc: "the action: allow, allow-stateless, drop or reject"},
	{Name: "state", Type: String, Values: []string{"enabled", "disabled", "logged"}, Doc: "the state of the rule: enabled, disabled or logged"},
	{Name: "description", Type: String, Doc: "a description, in free text"},
	{Name: "source", Type: String, Doc: "source addresses, ranges, ACLs or $sets, separated by commas"},
	{Name: "destination", Type: String, Doc: "destination addresses, ranges, ACLs or $sets, separated by commas"},
	{Name: "protocol", Type: String, Values: []string{"tcp", "udp", "icmp4", "icmp6"}, Doc: "the protocol: tcp, udp, icmp4 or icmp6"},
	{Name: "source_port", Type: String, Doc: "source ports, such as 80,90-99"},
	{Name: "destination_port", Type: String, Doc: "destination ports"},
	{Name: "icmp_type", Type: String, Doc: "the ICMP type, a number"},
	{Name: "icmp_code", Type: String, Doc: "the ICMP code, a number"},
}

// NetworkACLs are the access control lists of networks.
var NetworkACLs = &Resource{
	Name: "network_acls", Kind: "ACL", Path: "/1.0/network-acls", Key: "name", Scope: InProject, Keys: Keys{Kind: "network_acl"},
	Filter: filterArg("api_filtering_extended"), AllProjects: allProjectsArg("network_acls_all_projects"),
	Doc:     "Access control lists: rules that allow or deny traffic of networks.",
	Verbs:   List | Get | New | Update | Replace | Rename | Delete,
	Columns: append(columns("name", "description"), usedByColumn, projectColumn),
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "ingress", Type: Objects, Use: All, Fields: aclRule, Doc: "rules for incoming traffic; their order has no effect, but another order is a difference to ensure"},
		{Name: "egress", Type: Objects, Use: All, Fields: aclRule, Doc: "rules for outgoing traffic; their order has no effect, but another order is a difference to ensure"},
		usedByField, ownerField,
	},
	Methods: []Method{{Name: "log", HTTP: "GET", Path: "log", Does: DoReadRaw, Returns: aText, Effect: Reads, Doc: "Returns the log of its rules, as a string. Only OVN networks have one."}},
}

// NetworkAddressSets are sets of addresses for ACLs.
var NetworkAddressSets = &Resource{
	Name: "network_address_sets", Kind: "AddressSet", Path: "/1.0/network-address-sets", Key: "name", Scope: InProject, Keys: Keys{Kind: "network_address_set"},
	Extension: "network_address_set", Filter: filterArg(""), AllProjects: allProjectsArg(""),
	Doc:     "Sets of addresses, for rules of ACLs, which refer to them as $set.",
	Verbs:   List | Get | New | Update | Replace | Rename | Delete,
	Columns: append(columns("name", "description", "addresses"), usedByColumn, projectColumn),
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "addresses", Type: Strings, Use: All, Unordered: true, Doc: "the addresses and networks"},
		usedByField, ownerField,
	},
}

// NetworkZones are DNS zones.
var NetworkZones = &Resource{
	Name: "network_zones", Kind: "Zone", Path: "/1.0/network-zones", Key: "name", Scope: InProject, Keys: Keys{Kind: "network_zone"},
	Filter: filterArg("api_filtering_extended"), AllProjects: allProjectsArg("network_zones_all_projects"),
	Doc:      "DNS zones, with records that the server creates for instances.",
	Verbs:    List | Get | New | Update | Replace | Delete,
	Columns:  append(columns("name", "description"), usedByColumn, projectColumn),
	Fields:   []Field{nameField, descriptionField, configField, usedByField, ownerField},
	Takes:    []*Resource{records},
	Children: []*Resource{records},
}

var records = &Resource{
	Name: "records", Kind: "Record", Path: "records", Key: "name", Filter: filterArg("api_filtering_extended"),
	Doc:     "Additional records of the zone.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Columns: append(columns("name", "description"), Column{Field: "entries", Key: "value", Header: "entries"}),
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "entries", Type: Objects, Use: All, Doc: "the DNS entries of the name", Fields: []Field{
			{Name: "type", Type: String, Values: []string{"A", "AAAA", "CNAME", "TXT"}, Doc: "the type, such as A, AAAA, CNAME or TXT"},
			{Name: "value", Type: String, Doc: "the value"},
			{Name: "ttl", Type: Int, Doc: "the time to live, in seconds"},
		}},
	},
}

// NetworkIntegrations are connections to networks of other deployments.
var NetworkIntegrations = &Resource{
	Name: "network_integrations", Kind: "Integration", Path: "/1.0/network-integrations", Key: "name", Keys: Keys{Kind: "network_integration"},
	Filter:  filterArg("api_filtering_extended"),
	Doc:     "Connections to networks of other deployments, for remote peers.",
	Verbs:   List | Get | New | Update | Replace | Rename | Delete,
	Columns: append(columns("name", "description", "type"), usedByColumn),
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "type", Type: String, Use: Read | Create, Values: []string{"ovn"}, Doc: "the type: ovn"},
		usedByField,
	},
}

// NetworkAllocations are the addresses in use.
var NetworkAllocations = &Resource{
	Name: "network_allocations", Kind: "Allocation", Path: "/1.0/network-allocations", Lists: Elements, Scope: InProject, AllProjects: allProjectsArg(""),
	Doc:     "Addresses of managed networks that are in use, and their users.",
	Verbs:   List,
	Columns: columns("used_by", "addresses", "type", "nat", "hwaddr"),
	Fields: []Field{
		{Name: "addresses", Type: String, Use: Read, Doc: "the address or network, with its prefix length"},
		{Name: "used_by", Type: String, Use: Read, Doc: "the URL of the object that uses it"},
		{Name: "type", Type: String, Use: Read, Doc: "the type of the user: network, network-forward, network-load-balancer, instance or uplink"},
		{Name: "nat", Type: Bool, Use: Read, Doc: "whether its traffic is translated to another address (NAT)"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "the MAC address of the user"},
		{Name: "network", Type: String, Use: Read, Refers: ToNetwork, Doc: "the name of the network"},
	},
}
