package errors

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// away matches messages about a cluster member, a server or another thing that the server needs and can't reach now.
const away = `\bis (currently )?offline|[Mm]ember is unavailable|Missing event connection with target cluster member|Unable to connect to: |peer node .* is down|` +
	`[Cc]luster (is )?unavailable|no available (cowsql|dqlite) leader|[Nn]ot leader|No (leader |online|raft node known)|There are no online|on any online member|` +
	`(Incus|Daemon) is (shutting down|starting up)|^Shutting down$|(Daemon not|Server isn't) ready yet|database is locked|DB is locked|^unavailable$|^Timeout (getting instances|waiting for configuration change)|checkpoint in progress|^Timed out waiting for websockets to connect$|` +
	`(Get|Post|Put|Patch|Delete) "https?://[^"]*": (EOF|unexpected EOF|dial |read |write |context deadline|net/http|http2?: )|` +
	`(connect|dial [a-z]+ \S+): (connection refused|no route to host|network is unreachable|i/o timeout)|` +
	`: (connection reset by peer|i/o timeout|no route to host|connection refused)$|websocket: close 1006|Failed (to connect|connecting) to (source|target|cluster leader)`

// lacking matches messages about a network, a storage pool or the like that a server which is there is without, for now.
const lacking = `unavailable on this server|^Unavailable (networks|storage pools)|is unavailable because|[Nn]etwork "[^"]*" is unavailable`

var lacks = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(lacking) })

// Lacks reports whether a failure tells that the server is without a network, a storage pool or the like, for now. It is an
// unavailability of that, not of the server or of a cluster member: what the server said of an operation is its end.
func Lacks(err error) bool {
	var e *Error
	for As(err, &e) {
		if e.Class.IsA(Unavailable) && lacks().MatchString(e.Message) {
			return true
		}
		err = e.Cause
	}
	return false
}

// awayMessages are messages that away or lacking matches, one of each place in the source code of the server.
var awayMessages = []string{
	"The source is currently offline",
	"The source instance is currently offline",
	"Target cluster member is offline",
	"Can't perform action as server is currently offline",
	"Instance server is currently offline",
	"The cluster member hosting the storage volume is offline",
	"Node s1 is offline",
	"There are no online cluster members",
	"No online voter found",
	"No leader address found",
	"No raft node known",
	"Not leader",
	"RAFT cluster is unavailable",
	"Cluster unavailable",
	"Missing event connection with target cluster member",
	"peer node 10.0.0.2:8443 is down",
	"Server isn't ready yet",
	"Daemon is starting up",
	"Daemon is shutting down",
	"Daemon not ready yet",
	"Incus is shutting down",
	"unavailable",
	"Unavailable storage pools: [default]",
	"Unavailable networks: [incusbr0]",
	"Storage pool is unavailable on this server",
	`Uplink network "up" is unavailable`,
	"Timeout waiting for configuration change notification",
	`Failed to begin transaction: context deadline exceeded: no available cowsql leader server found`,
	`Failed to begin transaction: no available dqlite leader server found`,
	"driver: bad connection: checkpoint in progress",
	"Timed out waiting for websockets to connect",
	"Failed to connect to cluster leader: context deadline exceeded",
	`Get "https://10.0.0.2:8443/1.0": Unable to connect to: 10.0.0.2:8443 ([dial tcp 10.0.0.2:8443: connect: connection refused])`,
	`Put "https://10.0.0.2:8443/1.0/instances/c1/state": EOF`,
	`Get "https://10.0.0.2:8443/1.0/instances/c1/state": dial tcp 10.0.0.2:8443: connect: no route to host`,
	`Get "https://10.0.0.2:8443/1.0/instances/c1/state": dial tcp 10.0.0.2:8443: i/o timeout`,
	`Get "https://10.0.0.2:8443/1.0/instances/c1/state": read tcp 10.0.0.1:40000->10.0.0.2:8443: read: connection reset by peer`,
	`Get "https://10.0.0.2:8443/1.0/instances/c1/state": net/http: timeout awaiting response headers`,
	`Failed to connect to target cluster node "10.0.0.2:8443": Get "https://10.0.0.2:8443/1.0": Unable to connect to: 10.0.0.2:8443 ([dial tcp 10.0.0.2:8443: connect: connection refused])`,
	`Failed connecting to member "10.0.0.2:8443": Get "https://10.0.0.2:8443/1.0": dial tcp 10.0.0.2:8443: connect: connection refused`,
	"websocket: close 1006 (abnormal closure): unexpected EOF",
	`Failed to connect to target cluster node "10.0.0.2:8443": context deadline exceeded`,
	"Failed to connect to source node for image synchronization: context deadline exceeded",
	"Failed to connect to source: context deadline exceeded",
	"Failed to connect to source events: context canceled",
}

// peerFailed matches messages about a request of one member to another that failed, with the reason behind them.
const peerFailed = `[Ff]ailed to notify|[Ff]ailed (to connect|connecting) (to )?(peer|node|destination|member|cluster member|HTTPS? endpoint|"[^"]*"( for image synchronization)?:)|` +
	`Connect to cluster leader|Failed to send heartbeat request|Failed to retrieve information about cluster member`

// peerMessages are messages that peerFailed matches, one of each place in the source code of the server.
var peerMessages = []string{
	"failed to connect to peer 10.0.0.2:8443: context canceled",
	"failed to notify peer 10.0.0.2:8443: context deadline exceeded",
	"Connect to cluster leader: context deadline exceeded",
	`Failed to connect to destination server "10.0.0.2:8443": context deadline exceeded`,
	`Failed to connect to destination "10.0.0.2:8443" for instance "c1" in project "default": context deadline exceeded`,
	"Failed to connect to member 10.0.0.2:8443: context deadline exceeded",
	`Failed connecting to member "10.0.0.2:8443": context deadline exceeded`,
	`Failed to connect to "10.0.0.2:8443": context deadline exceeded`,
	"Failed to connect to cluster member: context deadline exceeded",
	`Failed connecting to HTTP endpoint "10.0.0.2:8443": context deadline exceeded`,
	`Failed connecting to HTTPS endpoint "10.0.0.2:8443": context deadline exceeded`,
	`Failed to connect to "10.0.0.2:8443" for image synchronization: context deadline exceeded`,
	"Failed to connect node for image synchronization: context deadline exceeded",
	`Failed to retrieve information about cluster member with address "10.0.0.2:8443": context deadline exceeded`,
	"Failed to send heartbeat request: context deadline exceeded",
}

// bareBreak matches a message that is nothing but the failure of a connection, which must be one of the server's own.
var bareBreak = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^((read|write) (tcp|unix) \S+: )?((read|write): )?((unexpected )?EOF|connection reset by peer|broken pipe|use of closed network connection|(i/o|connection) timed? ?out|no route to host|` +
		`websocket: close 1006 \(abnormal closure\): unexpected EOF)$`)
})

// message returns the server's message. One that only says how a connection broke gets what is known of the connection; when
// says during what.
func (f *Failure) message(when string) string {
	if !bareBreak().MatchString(f.Message) {
		return f.Message
	}
	if member := f.lost(); member != "" {
		return fmt.Sprintf("the server's connection to the cluster member %q broke%s: %s", member, when, f.Message)
	}
	return "a connection of the server broke" + when + ": " + f.Message
}

// lost returns the cluster member that died during the request or the operation, if the message only says how the connection
// ended; empty if unknown.
func (f *Failure) lost() string {
	if !bareBreak().MatchString(f.Message) || !lostMember().MatchString(f.Message) {
		return ""
	}
	if f.Member != "" || f.Request == nil {
		return f.Member
	}
	if o := f.Request.target(); o != nil && o.Kind == "cluster member" {
		return o.Name
	}
	if target := f.Request.Query.Get("target"); !strings.HasPrefix(target, "@") {
		return target
	}
	return ""
}

// whenBack is advice after the loss of a cluster member.
func whenBack(member string) string {
	return fmt.Sprintf("what had been done by then shows when cluster.members.get(%q).status is Online again", member)
}

// noMember is advice for an instance that no member can take.
const noMember = "no member of the cluster, or of the group that the instance was made for, is online, not evacuated, and of its architecture"
