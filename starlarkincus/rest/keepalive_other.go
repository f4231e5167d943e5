//go:build !linux

package rest

import (
	"net"
	"time"
)

// setPatience does nothing: these systems have no such limit, or another one for each.
func setPatience(net.Conn, time.Duration) {}
