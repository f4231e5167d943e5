package files

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

// temporaryName returns a name for a temporary file in the same folder: hidden, cut to a valid length, and with the time
// in seconds since 1970.
func temporaryName(base string) string {
	return fmt.Sprintf("%s%d-%.10s.tmp", temporaryPrefix(base), time.Now().Unix(), rand.Text())
}

func temporaryPrefix(base string) string { return "." + base[:min(len(base), 200)] + ".incus-star-" }

var temporaryNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^\..*\.incus-star-([0-9]{1,12})-[A-Z2-7]{10}\.tmp$`)
})

// isTemporary reports whether a name is that of a temporary file. Such files aren't copied, because they are incomplete
// and disappear.
func isTemporary(name string) bool { return temporaryNames().MatchString(name) }

// abandonedAge is the age from which a temporary file counts as left by a killed process.
const abandonedAge = time.Hour

// abandoned reports whether a temporary file was left by a killed process: it was created, and written to, long ago. The
// time of the last change alone isn't enough, since a complete file has that of its source just before it is renamed.
// The time in the name isn't either, since the transfer of a large file takes long.
func abandoned(info Info, now time.Time) bool {
	match := temporaryNames().FindStringSubmatch(info.Name())
	if match == nil || !info.isRegular() && !info.isLink() {
		return false
	}
	created, _ := strconv.ParseInt(match[1], 10, 64)
	long := now.Add(-abandonedAge)
	return time.Unix(created, 0).Before(long) && info.ModTime.Before(long)
}

// sweep removes the abandoned temporary files among those found in a folder whose final name has a file in the pushed
// folder. It ignores failures, because the files do no harm.
func (c *Call) sweep(g *group, found []Info, pushed func(prefix string) bool) {
	now := time.Now()
	for _, info := range found {
		if !abandoned(info, now) {
			continue
		}
		name := info.Name()
		if !pushed(name[:strings.LastIndex(name, ".incus-star-")+len(".incus-star-")]) {
			continue
		}
		g.start(func(context.Context) error {
			err := c.change(info.Path, func(client *sftp.Client) error { return client.Remove(info.Path) })
			if errors.As(err, new(*BrokenError)) {
				return err
			}
			return nil
		})
	}
}
