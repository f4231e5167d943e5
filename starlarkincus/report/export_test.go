package report

// Hints returns all hints.
func Hints() []string {
	var hints []string
	for _, table := range []map[string]string{reserved, elsewhere} {
		for _, hint := range table {
			hints = append(hints, hint)
		}
	}
	for _, s := range slips {
		hints = append(hints, s.hint)
	}
	for _, s := range syntaxSlips {
		hints = append(hints, s.hint)
	}
	return hints
}
