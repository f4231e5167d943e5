package spec

var networkConfig = Field{Name: "config", Type: Config, Use: All, Auto: []string{"ipv4.address", "ipv6.address"},
	Doc: "configuration keys and their values"}

// Networks are what instances talk through.
var Networks = &Resource{
	Name: "networks", Kind: "Network", Path: "/1.0/networks", Key: "name", Scope: InProject,
	Filter: filterArg("api_filtering_extended"), Everywhere: everywhereArg("networks_all_projects"),
	Doc:    "Networks: those that Incus manages, and the host's interfaces.",
	Verbs:  List | Get | New | Update | Replace | Rename | Delete,
	Target: Get | New | Update | Replace,
	Takes:  []*Resource{forwards, loadBalancers, peers},
	Fields: []Field{nameField, descriptionField, networkConfig,
		{Name: "type", Type: String, Use: Read | Create, Doc: "bridge (the default), ovn, macvlan, sriov or physical"},
		{Name: "managed", Type: Bool, Use: Read, Doc: "whether Incus manages it"},
		{Name: "status", Type: String, Use: Read, Doc: "Created, Pending, Errored or Unknown, as for clusters"},
		usedByField, locationsField, ownerField,
	},
	CreateArgs: []Field{{Name: "target", Type: String, Place: Query,
		Doc: "the cluster member to prepare it on: in a cluster once for each, and then once without it"}},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(networkState), Effect: Reads, Target: true,
			Doc: "Reads its addresses, counters and link."},
	},
	Children: []*Resource{forwards, loadBalancers, peers, leases},
}

var networkState = &Resource{
	Kind: "NetworkState", Doc: "What a network is like at one moment.", Verbs: Get,
	Fields: []Field{
		{Name: "addresses", Type: Objects, Use: Read, Doc: "its addresses, each with family, address, netmask and scope"},
		{Name: "counters", Type: Object, Use: Read, Doc: "bytes and packets, received and sent"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "its MAC address"},
		{Name: "mtu", Type: Int, Use: Read, Doc: "the largest packet, in bytes"},
		{Name: "state", Type: String, Use: Read, Doc: "up or down"},
		{Name: "type", Type: String, Use: Read, Doc: "such as broadcast"},
		{Name: "bond", Type: Object, Use: Read, Doc: "of a bond, its mode and members"},
		{Name: "bridge", Type: Object, Use: Read, Doc: "of a bridge, its ports and settings"},
		{Name: "ovn", Type: Object, Use: Read, Doc: "of an OVN network, its chassis, router and uplink"},
		{Name: "vlan", Type: Object, Use: Read, Doc: "of a VLAN, its number and device"},
	},
}

var listenField = Field{Name: "listen_address", Type: Name, Use: Read | Create, Doc: "the address that it listens on"}

// listenDoc says what names a forward or a load balancer.
const listenDoc = "the address that it listens on"

var forwards = &Resource{
	Name: "forwards", Kind: "Forward", Path: "forwards", Key: "listen_address", KeyDoc: listenDoc,
	Filter: filterArg("api_filtering_extended"),
	Doc:    "Forwards of addresses and ports to instances of the network.",
	Verbs:  List | Get | New | Update | Replace | Delete,
	Fields: []Field{listenField, descriptionField, configField, locationField,
		{Name: "ports", Type: Objects, Use: All, Doc: "which ports go where; all others go to the config's target_address", Fields: []Field{
			{Name: "protocol", Type: String, Doc: "tcp or udp"},
			{Name: "listen_port", Type: String, Doc: "ports, such as 80,90-99"},
			{Name: "target_address", Type: String, Doc: "the address that they go to"},
			{Name: "target_port", Type: String, Doc: "the ports there; the same ones without it"},
			{Name: "description", Type: String, Doc: "what people are told about it"},
			{Name: "snat", Type: Bool, Extension: "network_forward_snat", Doc: "True gives what the target itself sends out the listen address too"},
		}},
	},
}

var loadBalancers = &Resource{
	Name: "load_balancers", Kind: "LoadBalancer", Path: "load-balancers", Key: "listen_address", KeyDoc: listenDoc,
	Filter: filterArg("api_filtering_extended"),
	Doc:    "Load balancers of an OVN network.",
	Verbs:  List | Get | New | Update | Replace | Delete,
	Fields: []Field{listenField, descriptionField, configField, locationField,
		{Name: "backends", Type: Objects, Use: All, Doc: "the targets, each under a name", Fields: []Field{
			{Name: "name", Type: String, Doc: "what ports call it"},
			{Name: "target_address", Type: String, Doc: "its address"},
			{Name: "target_port", Type: String, Doc: "its ports; the same ones without it"},
			{Name: "description", Type: String, Doc: "what people are told about it"},
		}},
		{Name: "ports", Type: Objects, Use: All, Doc: "which ports go to which backends", Fields: []Field{
			{Name: "protocol", Type: String, Doc: "tcp or udp"},
			{Name: "listen_port", Type: String, Doc: "ports, such as 80,90-99"},
			{Name: "target_backend", Type: Strings, Doc: "names of the backends that take turns"},
			{Name: "description", Type: String, Doc: "what people are told about it"},
		}},
	},
	Methods: []Method{{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(loadBalancerState), Effect: Reads, Extension: "network_load_balancer_state",
		Doc: "Reads which backends answer."}},
}

var loadBalancerState = &Resource{
	Kind: "LoadBalancerState", Doc: "What a load balancer is like at one moment.", Verbs: Get,
	Fields: []Field{{Name: "backend_health", Type: Object, Use: Read, Doc: "by backend, its address and the status of its ports, where they are checked"}},
}

var peers = &Resource{
	Name: "peers", Kind: "Peer", Path: "peers", Key: "name", Filter: filterArg("api_filtering_extended"),
	Doc:   "Connections of an OVN network to others.",
	Verbs: List | Get | New | Update | Replace | Delete,
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "type", Type: String, Use: Read | Create, Doc: "local (the default), or remote, through an integration"},
		{Name: "target_network", Type: String, Use: Read | Create, Doc: "the other network"},
		{Name: "target_project", Type: String, Use: Read | Create, Doc: "its project"},
		{Name: "target_integration", Type: String, Use: Read | Create, Doc: "the integration that a remote one goes through"},
		{Name: "status", Type: String, Use: Read, Doc: "Pending until the other side has one too, then Created"},
		usedByField,
	},
}

var leases = &Resource{
	Name: "leases", Kind: "Lease", Path: "leases", Lists: Elements, Target: List,
	Doc:   "Addresses that the network has given out.",
	Verbs: List,
	Fields: []Field{
		{Name: "hostname", Type: String, Use: Read, Doc: "the name of who has it"},
		{Name: "address", Type: String, Use: Read, Doc: "the address"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "the MAC address of who has it"},
		{Name: "type", Type: String, Use: Read, Doc: "static, dynamic, gateway or uplink"},
		locationField,
	},
}

// aclRule is one rule of an ACL.
var aclRule = []Field{
	{Name: "action", Type: String, Doc: "allow, allow-stateless, drop or reject"},
	{Name: "state", Type: String, Doc: "enabled, disabled or logged"},
	{Name: "description", Type: String, Doc: "what people are told about it"},
	{Name: "source", Type: String, Doc: "addresses, ranges, ACLs or $sets that it comes from, with commas between them"},
	{Name: "destination", Type: String, Doc: "the same of where it goes"},
	{Name: "protocol", Type: String, Doc: "tcp, udp, icmp4 or icmp6"},
	{Name: "source_port", Type: String, Doc: "ports that it comes from, such as 80,90-99"},
	{Name: "destination_port", Type: String, Doc: "ports that it goes to"},
	{Name: "icmp_type", Type: String, Doc: "the type of ICMP messages, a number"},
	{Name: "icmp_code", Type: String, Doc: "their code, a number"},
}

// NetworkACLs are rules of what networks let through.
var NetworkACLs = &Resource{
	Name: "network_acls", Kind: "ACL", Path: "/1.0/network-acls", Key: "name", Scope: InProject,
	Filter: filterArg("api_filtering_extended"), Everywhere: everywhereArg("network_acls_all_projects"),
	Doc:   "Rules of what networks let through.",
	Verbs: List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "ingress", Type: Objects, Use: All, Fields: aclRule, Doc: "rules for what comes in, in any order"},
		{Name: "egress", Type: Objects, Use: All, Fields: aclRule, Doc: "rules for what goes out, in any order"},
		usedByField, ownerField,
	},
	Methods: []Method{{Name: "log", HTTP: "GET", Path: "log", Does: DoReadText, Returns: aText, Effect: Reads, Doc: "Reads what its rules logged, as a string. OVN only."}},
}

// NetworkAddressSets are addresses that ACLs name.
var NetworkAddressSets = &Resource{
	Name: "network_address_sets", Kind: "AddressSet", Path: "/1.0/network-address-sets", Key: "name", Scope: InProject,
	Extension: "network_address_set", Filter: filterArg(""), Everywhere: everywhereArg(""),
	Doc:   "Sets of addresses, which rules of ACLs name as $set.",
	Verbs: List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "addresses", Type: Strings, Use: All, Unordered: true, Doc: "addresses and networks"},
		usedByField, ownerField,
	},
}

// NetworkZones are DNS zones.
var NetworkZones = &Resource{
	Name: "network_zones", Kind: "Zone", Path: "/1.0/network-zones", Key: "name", Scope: InProject,
	Filter: filterArg("api_filtering_extended"), Everywhere: everywhereArg("network_zones_all_projects"),
	Doc:      "DNS zones that the server fills with the names of instances.",
	Verbs:    List | Get | New | Update | Replace | Delete,
	Fields:   []Field{nameField, descriptionField, configField, usedByField, ownerField},
	Takes:    []*Resource{records},
	Children: []*Resource{records},
}

var records = &Resource{
	Name: "records", Kind: "Record", Path: "records", Key: "name", Filter: filterArg("api_filtering_extended"),
	Doc:   "Records that the zone has besides those of instances.",
	Verbs: List | Get | New | Update | Replace | Delete,
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "entries", Type: Objects, Use: All, Doc: "what the name stands for", Fields: []Field{
			{Name: "type", Type: String, Doc: "such as A, AAAA, CNAME, TXT"},
			{Name: "value", Type: String, Doc: "the value"},
			{Name: "ttl", Type: Int, Doc: "seconds that others may remember it"},
		}},
	},
}

// NetworkIntegrations connect to networks elsewhere.
var NetworkIntegrations = &Resource{
	Name: "network_integrations", Kind: "Integration", Path: "/1.0/network-integrations", Key: "name",
	Filter: filterArg("api_filtering_extended"),
	Doc:    "Connections to networks of other deployments, which remote peers go through.",
	Verbs:  List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField, configField,
		{Name: "type", Type: String, Use: Read | Create, Doc: "ovn"},
		usedByField,
	},
}

// NetworkAllocations are addresses in use.
var NetworkAllocations = &Resource{
	Name: "network_allocations", Kind: "Allocation", Path: "/1.0/network-allocations", Lists: Elements, Scope: InProject, Everywhere: everywhereArg(""),
	Doc:   "Addresses of managed networks that are in use, and by whom.",
	Verbs: List,
	Fields: []Field{
		{Name: "addresses", Type: String, Use: Read, Doc: "the address or network, with its length"},
		{Name: "used_by", Type: String, Use: Read, Doc: "URL of what uses it"},
		{Name: "type", Type: String, Use: Read, Doc: "network, network-forward, network-load-balancer, instance or uplink"},
		{Name: "nat", Type: Bool, Use: Read, Doc: "whether it is hidden behind another address"},
		{Name: "hwaddr", Type: String, Use: Read, Doc: "the MAC address of what uses it"},
		{Name: "network", Type: String, Use: Read, Doc: "the network"},
	},
}
