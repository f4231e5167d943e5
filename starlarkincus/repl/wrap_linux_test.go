package repl

import (
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
)

// fixedTexts are the texts to read that the prompt has for itself.
func fixedTexts(t *testing.T) []string {
	texts := []string{commandsText(), aboutText(starlarkincus.About{Version: "7.0.2", Running: 3}, nil), aboutText(starlarkincus.About{}, errors.New(errors.Connection,
		"can't connect to Incus at /var/lib/incus/unix.socket: no such file or directory: is Incus installed, or another remote meant?"))}
	var text strings.Builder
	newReference().Overview(&text)
	p := &prompt{session: newLivePrompt(t, nil, "").session}
	for _, name := range p.session.Names() {
		text.WriteString("\n")
		if err := newReference().HelpName(&text, name); err != nil {
			t.Fatal(err)
		}
	}
	lines := []string{":frobnicate all of it", ":hlep", ":ops stop it", ":complete nothing", ":trace maybe", ":edit x"}
	for _, c := range commands() {
		if c.args == "" {
			lines = append(lines, ":"+c.name+" nothing like it")
		} else if !strings.HasPrefix(c.args, "[") {
			lines = append(lines, ":"+c.name)
		}
	}
	for _, line := range lines {
		err := p.command(t.Context(), line)
		if !errors.As(err, new(usageError)) {
			t.Errorf("%s: %v", line, err)
			continue
		}
		texts = append(texts, err.Error()+"\n")
	}
	return append(texts, text.String())
}

// TestWrapping checks that all texts of the prompt keep their words at any width, and that no line is longer but for one word.
func TestWrapping(t *testing.T) {
	texts := fixedTexts(t)
	if len(texts) < 10 {
		t.Fatalf("%d texts", len(texts))
	}
	for _, text := range texts {
		for _, width := range []int{20, 40, 80, 200} {
			got := wrapTo(text, width)
			if !slices.Equal(strings.Fields(got), strings.Fields(text)) {
				t.Errorf("at %d columns words are lost:\n%s", width, got)
			}
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if widthOf(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%d columns: %q", width, line)
				}
			}
			if got != wrapTo(got, width) {
				t.Errorf("%d columns: wrapped again it is another text:\n%s", width, got)
			}
		}
		if wrapTo(text, 0) != text {
			t.Error("an unknown width changes a text")
		}
	}
}

// TestScreenWraps checks that no word of the prompt's texts is cut at the edge of a narrow terminal: all are those of a wide one.
func TestScreenWraps(t *testing.T) {
	const end = `"the" + "end"`
	words := func(cols, rows int, entry, shown string) []string {
		s := openPrompt(t, cols, rows, "NO_COLOR=1", "PAGER=cat")
		first := strings.Fields(strings.Join(s.Rows(), " "))
		s.Type(entry + "\r")
		s.WaitFor("the end of the entry", func(rows []string) bool { // :help may need the whole screen
			text := strings.TrimSpace(strings.Join(rows, "\n"))
			return strings.HasSuffix(text, ">>>") && strings.Contains(text, shown)
		})
		s.Type(end + "\r")
		ends(s, "\n\"theend\"\n>>>")
		return append(first, strings.Fields(strings.Join(s.Rows(), " "))...)
	}
	for entry, shown := range map[string]string{
		":help": "Ctrl-O", "incus.instancs": "ScriptError", ":ops stop it all": "cancel", ":frobnicate all of it now": "there is no",
		`raise_(IncusError, "some words, as a server has them in its messages, which are long, and end here")`: "IncusError: some",
	} {
		wide := words(200, 50, entry, shown)
		for _, size := range sizes {
			for _, word := range words(size.cols, size.rows, entry, shown) {
				if len(word) < size.cols && !slices.Contains(wide, word) && !strings.Contains(entry, word) && !strings.Contains("<toplevel>", word) { // frames keep their lines
					t.Errorf("%s at %d columns: %q is cut", entry, size.cols, word)
				}
			}
		}
	}
}
