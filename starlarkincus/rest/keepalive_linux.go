package rest

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// setPatience limits the time for which data may stay without the peer's receipt; 0 is the system's limit, a quarter of an
// hour. A failure is no error, because the connection works without.
func setPatience(conn net.Conn, limit time.Duration) {
	tcp := tcpOf(conn)
	if tcp == nil {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
	}
}
