package rest

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"strings"
	"time"
)

// deadPeer is the time after which a silent peer counts as dead. A peer whose system runs answers the probes of an idle
// connection, however long its answer to a request takes.
var deadPeer = 30 * time.Second

// keepAlive returns the probes of idle connections.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: deadPeer / 2, Interval: deadPeer / 6, Count: 3}
}

// patience returns the time for which a connection may stay without the peer's receipt of what was sent; 0 for no limit. A
// peer that takes nothing for a while, such as a command that doesn't read its input, isn't told from a dead one. So
// connections to operations have no limit: the wait for the operation notices a dead peer.
func (k *outgoing) patience() time.Duration {
	switch {
	case k.raw: // a server may wait for its disk
		return deadPeer * 3 / 2
	case k.stream != nil:
		return 3 * deadPeer // above idleBody
	case len(k.header["Upgrade"]) > 0 && strings.HasPrefix(k.url.Path, "/1.0/operations/"):
		return 0
	}
	return deadPeer
}

// watched returns a trace that notes that the request has a connection, and sets the connection's patience.
func (k *outgoing) watched() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		k.handed.Store(true)
		if patience := k.patience(); patience != deadPeer {
			setPatience(got.Conn, patience)
		}
	}}
}

// tcpOf returns the TCP connection below a connection; nil for none.
func tcpOf(conn net.Conn) *net.TCPConn {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			return c
		case *tls.Conn:
			conn = c.NetConn()
		case *lowerConn:
			conn = c.Conn
		default:
			return nil
		}
	}
}
