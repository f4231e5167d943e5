package errors

import (
	"regexp"
	"slices"
	"sync"
)

// A source is a set of the ways in which a server reports a failure.
type source int

const (
	replies    source = 1 << iota // the reply to a request
	operations                    // the result of a background operation
	anywhere   = replies | operations
)

// A rule gives a class to failures whose text or status matches. The text is needed because Incus reports many failures
// with an unspecific status, and a failed operation with none.
type rule struct {
	// about describes the failure, for tests.
	about string
	// text is a regular expression; empty for a rule by status alone. It is matched against the server's own words:
	// not against quotations, values from the request, or, unless programs is set, the text after "Failed to run: ".
	text string
	// from is the set of sources that the rule applies to; zero means anywhere.
	from source
	// status lists the statuses of replies that the rule applies to; nil means the unspecific ones: 400, and all from
	// 500 except 501 and 503. Failed operations are not restricted by it.
	status []int
	// making restricts the rule to requests that create an object.
	making bool
	// programs extends the match to the output of a program that the server ran.
	programs bool
	// class is the class of the failure; nil for a text that is known to name no cause.
	class *Class
	// hint is advice on what to do; empty for none.
	hint string
	// seen60 and seen70 are messages of Incus 6.0 and 7.0, as sent by a server or as found in its source code.
	seen60, seen70 string
	// more are further such messages, of either line.
	more []string
}

// rules are tried in order; the first match decides.
//
//  1. Unambiguous statuses, and texts about tokens.
//  2. Texts: first those that resemble another kind, then the kinds from the narrow to the wide: something is in use by
//     another object, exists already, is in the wrong state, is missing. Invalid requests, which have the most wordings,
//     follow; the failure of a peer is last, because the peer's own message may be any of these.
//  3. The other statuses.
//
// A failure without a match is classified by its status alone, or is an operation that failed without a known cause.
var rules = []rule{
	{about: "the server asks for a login", status: []int{401}, class: Authentication},
	{about: "the ETag differs", status: []int{412}, class: PreconditionFailed},
	{about: "no such method", status: []int{501}, class: NotImplemented},

	{about: "a token isn't valid", text: `No matching (cluster join|certificate add) operation found|Token has expired`, status: []int{400, 403, 500}, class: Authentication,
		hint:   invalidToken,
		seen60: "Failed during search for certificate add token operation: Token has expired", seen70: "No matching cluster join operation found"},

	{about: "a command in the instance", text: `^Command not (found|executable)$`, class: nil,
		seen60: "Command not found", seen70: "Command not executable"},
	{about: "a profile was changed, and an instance can't follow", text: `^The following instances failed to update \(profile change still saved\)`, class: nil,
		seen60: "The following instances failed to update (profile change still saved):\n - Project: default, Instance: c1: Device validation failed for \"d\": Missing source path \"/x\" for disk \"d\"",
		seen70: "The following instances failed to update (profile change still saved):\n - Project: default, Instance: c1: More than one root device found"},
	{about: "a scriptlet of the server failed, with any words", text: `Failed instance placement scriptlet`, class: BadRequest,
		seen60: `Failed instance placement scriptlet: Failed to run: Invalid field "nofield"`,
		seen70: "Failed to evacuate instances:\n - default/e: Failed instance placement scriptlet for instance \"e\" in project \"default\": Failed to run: index 1 out of range: empty list"},
	{about: "a disk is full", text: `(?i)out of disk space|no space left on device|insufficient free space|disk quota exceeded|exceeding quota of`, programs: true,
		status: []int{400, 500}, class: Limit,
		seen60: "Failed creating instance from image: Unable to unpack image, run out of disk space",
		seen70: "Failed to run: tar -C /x -xpf - --numeric-owner: exit status 2 (tar: ./file: Cannot write: No space left on device)"},
	{about: "an address and port are in use", text: `(?i)(bind|socket)[^"]*: address already in use|receive fd from listener process`, programs: true, class: Conflict,
		seen60: `Failed to start device "p": Error occurred when starting proxy device: Error: Failed to listen on 127.0.0.1:80: listen tcp 127.0.0.1:80: bind: address already in use`,
		seen70: `listen tcp 127.0.0.1:8443: bind: address already in use`},
	{about: "an address, a MAC, an interface or a DNS name is in use", status: []int{400, 409, 500},
		text: `already (defined|used) on (another NIC|network)|conflict between .* connected to same network|[Ii]nterface .*(already in use|in use by|already exists)|` +
			`conflicts with existing network forward|[Aa]ddress ("[^"]*" )?(is )?already in use|address ".*" in use on|[Aa]ddress (already|is already) (allocated|used|defined)|` +
			`virtual functions .* already in use|using that access key already exists|for that target network already exists|` +
			`already uses .* in auto mode|with different name .* already in trust store|overlaps with (another|an existing)`, class: Conflict,
		seen60: `Device validation failed for "eth0": MAC address "10:66:6a:00:00:01" already defined on another NIC`,
		seen70: `External interface "eth0" already in use`},
	{about: "a key of an object's configuration, or another part of it, is there", status: []int{400, 409, 500},
		text: `UNIQUE constraint failed: \w+_(config|devices|devices_config|aliases|properties)\.|^Alias already exists: |[Dd]irectory .* already exists|[Ff]ile location .* already exists|` +
			`[Vv]olume path .* already exists|(?i:physical volume|volume group|LVM volume|snapshot volume|filesystem) already exists|already exists on storage but not in database|` +
			`already exists with a different|volume already exists for|conflicts with an existing project network`, class: Conflict,
		seen60: "UNIQUE constraint failed: instances_config.instance_id, instances_config.key",
		seen70: "Alias already exists: debian"},
	{about: "the object being made is there", text: existing, status: []int{400, 409, 500}, making: true, class: AlreadyExists,
		seen60: `Failed creating instance record: Add instance info to the database: Failed to create "instances" entry: UNIQUE constraint failed: instances.project_id, instances.name`,
		seen70: `Instance "c1" already exists`},
	{about: "an object of that name is there, and isn't being made", text: existing, status: []int{400, 409, 500}, class: Conflict,
		seen60: `Name "c2" already in use`, seen70: `Profile "p2" already exists`},
	{about: "several objects have the name", text: `on more than one cluster member|[Mm]ore than one cluster member has|[Mm]ore than (one|1) (storage|network|pool|match)|^Multiple storage buckets`, class: Conflict,
		seen60: "Storage volume found on more than one cluster member. Please target a specific member",
		seen70: `More than one cluster member has a volume named "v". Please target a specific member`},
	{about: "another operation has it", status: []int{400, 429, 500},
		text: `is busy running a |already being migrated|(operation|change|session|[Ss]hutdown)( \S+)*( is)? already in progress|is already connected\. Force is required`, class: Busy,
		seen60: `Instance is busy running a "stop" operation`, seen70: "The instance is already being migrated"},
	{about: "what uses the object changed while the server looked for it", status: []int{404}, text: `^Failed getting (address set|ACL) usage: `, class: Busy,
		hint:   "it is there, and can be read again at once",
		seen60: `Failed getting ACL usage: Failed to get network config for "n1": Network not found`, seen70: `Failed getting address set usage: Failed loading ACL "a1": Network ACL not found`},
	{about: "a limit of the project is reached", status: []int{400, 403, 500},
		text: `Reached maximum |is too low: (there currently are|current total is)|limit has been reached|exceeds (allowed|the) (bugdget|budget|maximum)`, class: Limit,
		seen60: `Failed checking if instance creation allowed: Reached maximum aggregate value "1GiB" for "limits.memory" in project "p"`,
		seen70: "Networks limit has been reached for project"},
	{about: "an image is not of this server", text: `Image server ".*" isn't allowed`, class: Permission,
		seen60: `Image server "images.example" isn't allowed in this project`, seen70: `Image server "images.example" isn't allowed in this project`},
	{about: "a member is evacuated", text: `[Mm]ember is (already )?(evacuated|restored|in requested state)`, status: []int{400, 403, 500}, class: State,
		seen60: "Cluster member is evacuated", seen70: "Cluster member is already evacuated"},
	{about: "the authorization server is away", text: `authorization server is currently offline`, status: []int{403}, class: Unavailable,
		seen60: "The authorization server is currently offline, please try again later", seen70: "The authorization server is currently offline, please try again later"},
	{about: "a project or the server forbids it",
		text: `\b(is|are) forbidden|not allowed (in|by) project|[Ss]ource path .*not allowed|outside of restricted parent|with a restricted source path|` +
			`[Pp]rojects? (isn't|aren't) allowed|isn't allowed (in this project|to connect)|[Pp]roject (".*" )?doesn't allow|not accessible from this project|` +
			`in a restricted project|allowed uplink networks in project|in its restricted uplink subnets|Only managed network devices are allowed|` +
			`only allow unprivileged containers|if project limits are used|User does not have (permission|entitlement)|Certificate is restricted`, class: Permission,
		seen60: `Failed checking if instance creation allowed: Invalid value "true" for config "security.privileged" on instance "c1" of project "p": Privileged containers are forbidden`,
		seen70: `Project "p" doesn't allow for snapshot creation`},
	{about: "a member, or what the server needs, is away", text: away + "|" + lacking, class: Unavailable, more: awayMessages,
		seen60: "Target cluster member is unavailable",
		seen70: `Unable to connect to: 10.0.0.2:8443 ([dial tcp 10.0.0.2:8443: connect: connection refused])`},
	{about: "a member died while an operation ran on it", text: lostMemberText, from: operations, class: Unavailable,
		seen60: "unexpected EOF", seen70: "EOF"},
	{about: "the object is in the wrong state",
		text: `already (running|stopped|frozen)|(is not|isn't|isn't currently|not currently) running|[Ii]nstance is (running|frozen|stopped)|is currently frozen|` +
			`(when|while) (the )?(instance|VM|container) is running|must (not )?be (running|stopped)|(the instance to be|require the instance be) (running|stopped)|requires the instance be stopped|running instance not allowed|` +
			`(on|a|only available on|with|used by|multiple|from a) (running|stopped) (instance|VM|container)|if there are running instances|` +
			`(currently|still) in use|(that|when|integration) is in use|when in use|used by (running|an) instance|in use by (running|another)|^In use$|Only empty .* can be (removed|renamed|deleted)|on non-empty projects|` +
			`(is|are)n't empty|is not empty|already (part of a|clustered)|[Ss]erver is not clustered|isn't (part of a cluster|clustered)|cannot be (started|cleanly shutdown) as in|` +
			`when not in created state|in pending state|pending cluster member|already (partially )?created|already the leader|has snapshots|with snapshots|with backups cannot|` +
			`No NBD session is currently active|[Ii]s used by Incus itself|is protected\b|protection enabled|relies on this profile|still (exists in storage pool|has the following )|^Clustering isn't enabled`, class: State,
		seen60: "The instance is already running", seen70: "Only empty projects can be removed."},
	{about: "the instance stopped, or was starting, during the request", text: `^Failed to retrieve PID of executing child process$|^Invalid PID |^stat /proc/\d+: no such file`,
		status: []int{400, 404, 500}, class: State,
		seen60: "Failed to retrieve PID of executing child process", seen70: "Invalid PID -1"},
	{about: "another request deleted the instance meanwhile", text: `instance delete operation: A matching non-reusable operation has now succeeded`, from: operations, class: NotFound,
		seen60: "Failed to create instance delete operation: A matching non-reusable operation has now succeeded",
		seen70: "Failed to create instance delete operation: A matching non-reusable operation has now succeeded"},
	{about: "no member can take the instance", text: `[Cc]ould(n't| not) find a cluster member for`, class: NotFound, hint: noMember,
		seen60: "Couldn't find a cluster member for the instance", seen70: "Couldn't find a cluster member for the instance"},
	{about: "something that the request names is missing", status: []int{400, 409, 500},
		text: `(?i)\bnot found|\bdoesn't exist|\bdoes not exist|image not provided for instance|missing source path|no such (object|file or directory: ")|^Unknown project |` +
			`can't find a storage pool |could(n't| not) (find|be found)( "| the requested image| for instance type)|image couldn't be found|no matching image|Missing storage pool |NOT NULL constraint failed: nodes_cluster_groups\.node_id|No storage bucket admin key found|not seem to exist`, class: NotFound,
		seen60: "Image not provided for instance creation", seen70: `Failed to fetch instance "none" in project "default": Instance not found`},
	{about: "a value is invalid",
		text: `\bInvalid |^invalid |[:"] invalid (syntax|boolean|integer|CIDR|value|MAC|address|character|prefix)|(isn't|is not|aren't|not) (a |an |within )?valid|is invalid\b|strconv\.Parse|` +
			`cannot unmarshal|\bjson: |\byaml: |unexpected end of JSON|looking for beginning of|\bBad |(Failed|failed|Error|Unable) (to parse|parsing)|` +
			`[Nn]ot an? (usable |PF|snapshot|device|IP|number|integer|boolean|string|physical)|illegal base64|x509: malformed|asn1: |isn't a supported|couldn't be parsed|[Cc]ould(n't| not) parse|malformed|incorrect (format|number)|` +
			`invalid (TOML|template|UTF|argument for)|error parsing|pq: |parsing time |unknown unit|value out of range`, class: BadRequest,
		seen60: "Invalid config: Unknown configuration key: nosuch.key", seen70: `strconv.ParseInt: parsing "x": invalid syntax`},
	{about: "something is unknown or unsupported",
		text: `\b(Unknown|Unsupported|Unrecogni[sz]ed|Ambiguous|Incorrect|Not supported) |\bUnexpected .*(value|type|format)|[Uu]nknown (key|field|configuration)|` +
			`(isn't|is not|aren't|are not|not) (currently |yet )?supported|(only|not) supported (by|on|for|with|when)|(doesn't|does not|do not|don't) (currently )?support|\b[Uu]nsupported\b|` +
			`incompatible with|(isn't|not|n't been) (available|installed|enabled) `, class: BadRequest,
		seen60: "Unknown source type bogus", seen70: "Storage pool does not support buckets"},
	{about: "a part of the request is missing",
		text: `\bMissing |\bmissing (required|the|argument|path|name)|(is|are|be) (required|mandatory|specified|provided)|\brequires? |\bNo .* (provided|specified|supplied|given)|` +
			`[Nn]o (root device|name|uid/gid|"name" property|available IP)|is missing\b|(can't|cannot|must not|may not) be (empty|blank|nil)|has no |(does not|doesn't) have a|(^|: )(Must |Requires? |Required |Migration info required)|\bmust specify|missing secret|clause has no|(incomplete|unterminated) |name not provided|[Nn]eeds? to be|No backup name can be set|[Nn]ot pending on any node`, class: BadRequest,
		seen60: "Failed creating instance record: Failed initializing instance: Failed getting root disk: No root device could be found",
		seen70: `Instance "c1" in project "p" has no "limits.memory" config, either directly or via a profile`},
	{about: "a warning's status", text: `^Status may only be set to`, status: []int{403}, from: replies, class: BadRequest,
		seen60: `Status may only be set to "acknowledge" or "new"`, seen70: `Status may only be set to "acknowledge" or "new"`},
	{about: "the request can't be done as it is",
		text: `\b(must|should|may) (not )?(be|have|match|contain|start|end|only|differ)|\b(cannot|can't|may not|can only|may only) (be|contain|have|use|mix|specify|start|end)\b|\bCannot |\bCan't |` +
			`\bOnly |\bonly (allowed|possible|valid|be|apply)|mutually exclusive|in conjunction with|in combination with|at the same time|\b[Dd]uplicate |already (set|specified|attached|connected)|` +
			`too (long|large|short|small|big|many)|isn't allowed|not allowed|aren't allowed|(doesn't|don't|does not|do not) (match|allow|contain)|is not (a|in|within|an?) |` +
			`isn't (a|in|within|an?|part|one) |out of range|greater than|less than|larger than|smaller than|[Cc]ouldn't find|Unable to (find|create a stateful)|(Maximum|maximum) .* (is|length)|` +
			`outside (of )?|overlap|has to be|isn't (managed|configured|listening)|not (managed|configured)|is used by|\b[Mm]ismatch|the same (as|path)|are the same|not within|contains (more than|invalid)|minimum (MTU|requirement|of)|is expired|[Cc]onflicting |is reserved for|Reserved |^Mutually|[Oo]ut of .* range|multiple times|not editable|this is a snapshot|[Ii]s a snapshot|is not (container|bridge) type|at least one|specified together|already used but|more than one`, class: BadRequest,
		seen60: "Renaming storage volumes of type \"container\" is not allowed", seen70: "Cannot use manually specified ipv4.address when using unmanaged parent bridge"},
	{about: "a peer failed", text: peerFailed, class: Unavailable,
		seen60: `failed to notify peer 10.0.0.2:8443: context deadline exceeded`, seen70: `failed to connect to peer 10.0.0.2:8443: context canceled`, more: peerMessages},

	{about: "a container doesn't start, for a reason in its log", text: `^Failed to run: \S+ fork(start|lxc) `, programs: true, class: nil, hint: `logs.get("lxc.log") of the instance says why`,
		seen60: "Failed to run: /usr/libexec/incus/incusd forkstart c1 /var/lib/incus/containers /run/incus/c1/lxc.conf: exit status 1",
		seen70: "Failed to run: /usr/libexec/incus/incusd forklxc c1 /var/lib/incus/containers /run/incus/c1/lxc.conf /var/log/incus/c1: exit status 1"},
	{about: "LXC refuses a line of raw.lxc", text: `^Failed to load config file "`, class: nil,
		hint:   `LXC refuses a line of raw.lxc: logs.get("lxc.log") is empty then, and lxc.log or lxc.log.old in the instance's log folder on the server says which line`,
		seen60: `Failed to load config file "/tmp/incus_config_1083904816": loading config file for the container failed`,
		seen70: `Failed to load config file "/tmp/incus_config_1893401649": loading config file for the container failed`},

	{about: "refused", status: []int{403}, class: Permission},
	{about: "missing", status: []int{404}, class: NotFound},
	{about: "a conflict", status: []int{409}, class: Conflict},
	{about: "locked", status: []int{423}, class: Busy},
	{about: "away, or a proxy doesn't reach it", status: []int{502, 503, 504}, class: Unavailable},
	{about: "invalid", status: []int{400}, class: BadRequest},
}

// existing matches messages about an object that exists already.
const existing = `[Aa]lready (exists|in use|defined|has (a member|instance DB|storage DB))|exists already|already in trust store|already trusted|already (fully )?created|` +
	`UNIQUE constraint failed|^File exists$|: file exists$`

// A compiledRule is a rule with its compiled text; nil for none.
type compiledRule struct {
	*rule
	pattern *regexp.Regexp
}

// compiledRules returns the rules, compiled at the first failure, because most programs end without one.
var compiledRules = sync.OnceValue(func() []compiledRule {
	compiled := make([]compiledRule, len(rules))
	for i := range rules {
		compiled[i].rule = &rules[i]
		if rules[i].text != "" {
			compiled[i].pattern = regexp.MustCompile(rules[i].text)
		}
	}
	return compiled
})

// forStatus reports whether the rule applies to replies with the status. For a rule by text, all statuses from 500 but
// 501 and 503 count as 500.
func (r *rule) forStatus(status int) bool {
	if r.text != "" && status > 500 && status != 501 && status != 503 {
		status = 500
	}
	if r.status == nil {
		return status == 400 || status == 500
	}
	return slices.Contains(r.status, status)
}

// lostMemberText matches the message of an operation that lost the connection to the member that runs it.
const lostMemberText = `^(.*: )?(unexpected )?EOF$`

var lostMember = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(lostMemberText) })
