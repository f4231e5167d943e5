package builtin

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"go.starlark.net/starlark"
)

// Parameters of Starlark's own functions are positional, with few exceptions.

// alike is Iterable without Result, whose elements, a value and an error, have different types.
const alike = Iterable &^ Result

// functions declares the names of Starlark itself.
var functions = []Decl{
	{Name: "None", Help: "The value for the absence of a value."},
	{Name: "True", Help: "The truth value true."},
	{Name: "False", Help: "The truth value false."},
	{Name: "abs", Params: []Param{Pos("x", Number)}, Returns: Number, Help: "Returns the absolute value of a number."},
	{Name: "all", Params: []Param{Pos("x", Iterable)}, Returns: Bool, Help: "Reports whether all elements of x are true."},
	{Name: "any", Params: []Param{Pos("x", Iterable)}, Returns: Bool, Help: "Reports whether any element of x is true."},
	{Name: "bool", Params: []Param{OptPos("x", Any, "False")}, Returns: Bool, Help: "Reports whether x is true: not None, False, 0 or empty."},
	{Name: "bytes", Params: []Param{Pos("x", Text|alike&^(Error|Environment))}, Returns: Bytes, Help: "Returns the UTF-8 bytes of a string, or bytes with the values of a list of ints. str(b) is the text of bytes, with U+FFFD for what isn't UTF-8."},
	{Name: "chr", Params: []Param{Pos("i", Int)}, Returns: String, Help: "Returns a string with one Unicode character."},
	{Name: "dict", Params: []Param{OptPos("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: Dict, Help: "Returns a new dict with the entries of a dict or a list of pairs, and the named arguments."},
	{Name: "dir", Params: []Param{Pos("x", Any)}, Returns: List.Of(String), Help: "Returns the sorted names of the attributes of x."},
	{Name: "enumerate", Params: []Param{Pos("x", Iterable), OptPos("start", Int, "0")}, Returns: List.Of(Tuple), Help: "Returns a list of pairs of an index and an element of x."},
	{Name: "fail", Params: []Param{Args("args", Any)}, Help: "Ends the script with an error."},
	{Name: "float", Params: []Param{OptPos("x", Number|Bool|String, "0.0")}, Returns: Float, Help: "Converts a number or a string to a float."},
	{Name: "getattr", Params: []Param{Pos("x", Any), Pos("name", String), OptPos("default", Any, "")}, Help: "Returns an attribute of x by its name. If x has no such attribute, returns the default, or fails without one."},
	{Name: "hasattr", Params: []Param{Pos("x", Any), Pos("name", String)}, Returns: Bool, Help: "Reports whether x has an attribute."},
	{Name: "hash", Params: []Param{Pos("x", Text)}, Returns: Int, Help: "Returns an int that is the same for equal strings or bytes."},
	{Name: "int", Params: []Param{Need("x", Number|Bool|String), Opt("base", Int, "10")}, Returns: Int, Help: "Converts a string or a number to an int, truncating towards zero. Base 0 accepts prefixes such as 0x."},
	{Name: "len", Params: []Param{Pos("x", Sized)}, Returns: Int, Help: "Returns the number of elements of x, or of bytes in a string."},
	{Name: "list", Params: []Param{OptPos("x", Iterable, "[]")}, Returns: List, Help: "Returns a new list of the elements of x."},
	{Name: "max", Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "Returns the greatest of the arguments, or of the elements of a single argument. With key, compares key(x)."},
	{Name: "min", Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "Returns the least of the arguments, or of the elements of a single argument. With key, compares key(x)."},
	{Name: "ord", Params: []Param{Pos("s", Text)}, Returns: Int, Help: "Returns the code of the only Unicode character in s."},
	{Name: "print", Params: []Param{Args("args", Any), Key("sep", String, "\" \"")}, Returns: None, Help: "Prints its arguments and a newline."},
	{Name: "range", Params: []Param{Pos("start_or_stop", Int), OptPos("stop", Int, ""), OptPos("step", Int, "1")}, Usage: "stop) or range(start, stop, step=1", Returns: Range, Help: "Returns the ints from start, by default 0, to stop, excluding stop."},
	{Name: "repr", Params: []Param{Pos("x", Any)}, Returns: String, Help: "Returns x as an expression in a script, as the prompt prints it."},
	{Name: "reversed", Params: []Param{Pos("x", Iterable)}, Returns: List, Help: "Returns a list of the elements of x in reverse order."},
	{Name: "set", Params: []Param{OptPos("x", Iterable, "[]")}, Returns: Set, Help: "Returns a new set of the elements of x."},
	{Name: "sorted", Params: []Param{Need("iterable", alike), Opt("key", Callable, "…"), Opt("reverse", Bool, "False")}, Usage: "x, key=…, reverse=False", Returns: List, Help: "Returns a new sorted list of the elements of x. With key, compares key(x)."},
	{Name: "str", Params: []Param{Pos("x", Any)}, Returns: String, Help: "Converts x to a string."},
	{Name: "tuple", Params: []Param{OptPos("x", Iterable, "()")}, Returns: Tuple, Help: "Returns a tuple of the elements of x."},
	{Name: "type", Params: []Param{Pos("x", Any)}, Returns: String, Help: `Returns the name of the type of x, such as "list".`},
	{Name: "zip", Params: []Param{Args("args", Iterable)}, Returns: List.Of(Tuple), Help: "Returns a list of tuples: the first elements of all arguments, then the second ones, up to the end of the shortest."},
}

// methods declares the methods of Starlark's types.
var methods = []Decl{
	{Name: "bytes.elems", Returns: Iterable, Help: "Returns the bytes as ints."},
	{Name: "dict.clear", Returns: None, Help: "Removes all entries."},
	{Name: "dict.get", Params: []Param{Pos("key", Any), OptPos("default", Any, "None")}, Help: "Returns the value of a key, or the default if the key doesn't exist."},
	{Name: "dict.items", Returns: List.Of(Tuple), Help: "Returns a list of pairs of key and value."},
	{Name: "dict.keys", Returns: List, Help: "Returns a list of the keys, in the order of insertion."},
	{Name: "dict.pop", Params: []Param{Pos("key", Any), OptPos("default", Any, "")}, Help: "Removes a key and returns its value. If the key doesn't exist, returns the default, or fails without one."},
	{Name: "dict.popitem", Returns: Tuple, Help: "Removes the first entry and returns its key and value."},
	{Name: "dict.setdefault", Params: []Param{Pos("key", Any), OptPos("default", Any, "None")}, Help: "Returns the value of a key, after setting it to the default if the key doesn't exist."},
	{Name: "dict.update", Params: []Param{OptPos("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: None, Help: "Sets the keys of a dict or a list of pairs, and of the named arguments."},
	{Name: "dict.values", Returns: List, Help: "Returns a list of the values."},
	{Name: "list.append", Params: []Param{Pos("x", Any)}, Returns: None, Help: "Adds x at the end."},
	{Name: "list.clear", Returns: None, Help: "Removes all elements."},
	{Name: "list.extend", Params: []Param{Pos("x", Iterable)}, Returns: None, Help: "Adds all elements of x at the end."},
	{Name: "list.index", Params: []Param{Pos("x", Any), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first x, or fails if there is none."},
	{Name: "list.insert", Params: []Param{Pos("i", Int), Pos("x", Any)}, Returns: None, Help: "Inserts x before the element at i."},
	{Name: "list.pop", Params: []Param{OptPos("i", Int, "-1")}, Help: "Removes the element at i, by default the last one, and returns it."},
	{Name: "list.remove", Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes the first element that is equal to x, or fails if there is none."},
	{Name: "set.add", Params: []Param{Pos("x", Any)}, Returns: None, Help: "Adds x."},
	{Name: "set.clear", Returns: None, Help: "Removes all elements."},
	{Name: "set.difference", Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set without the elements of the others."},
	{Name: "set.discard", Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes x if the set contains it."},
	{Name: "set.intersection", Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set of the elements that all others contain too."},
	{Name: "set.issubset", Params: []Param{Pos("other", Iterable)}, Returns: Bool, Help: "Reports whether the other contains all elements."},
	{Name: "set.issuperset", Params: []Param{Pos("other", Iterable)}, Returns: Bool, Help: "Reports whether the set contains all elements of the other."},
	{Name: "set.pop", Help: "Removes the first element and returns it."},
	{Name: "set.remove", Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes x, or fails if the set doesn't contain it."},
	{Name: "set.symmetric_difference", Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set of the elements that only one of the two contains."},
	{Name: "set.union", Params: []Param{Args("others", Iterable)}, Returns: Set, Help: "Returns a new set with the elements of the others added."},
	{Name: "set.update", Params: []Param{Args("others", Iterable)}, Returns: None, Help: "Adds the elements of the others."},
	{Name: "string.capitalize", Returns: String, Help: "Returns the string with the first letter in upper case and the others in lower case."},
	{Name: "string.codepoint_ords", Returns: Iterable, Help: "Returns the codes of the Unicode characters."},
	{Name: "string.codepoints", Returns: Iterable, Help: "Returns the Unicode characters, each as a string."},
	{Name: "string.count", Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the number of occurrences of sub, without overlap."},
	{Name: "string.elem_ords", Returns: Iterable, Help: "Returns the bytes as ints."},
	{Name: "string.elems", Returns: Iterable, Help: "Returns the bytes, each as a string."},
	{Name: "string.endswith", Params: []Param{Pos("suffix", String|Tuple), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Bool, Help: "Reports whether the string ends with the suffix, or with any of a tuple of suffixes."},
	{Name: "string.find", Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first sub, or -1 if there is none."},
	{Name: "string.format", Params: []Param{Args("args", Any), KwArgs("kwargs", Any)}, Returns: String, Help: "Returns the string with {} and {name} replaced by arguments."},
	{Name: "string.index", Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first sub, or fails if there is none."},
	{Name: "string.isalnum", Returns: Bool, Help: "Reports whether the string consists of letters and digits, and isn't empty."},
	{Name: "string.isalpha", Returns: Bool, Help: "Reports whether the string consists of letters, and isn't empty."},
	{Name: "string.isdigit", Returns: Bool, Help: "Reports whether the string consists of digits, and isn't empty."},
	{Name: "string.islower", Returns: Bool, Help: "Reports whether the string has letters, all in lower case."},
	{Name: "string.isspace", Returns: Bool, Help: "Reports whether the string consists of white space, and isn't empty."},
	{Name: "string.istitle", Returns: Bool, Help: "Reports whether each word begins with an upper-case letter and continues in lower case."},
	{Name: "string.isupper", Returns: Bool, Help: "Reports whether the string has letters, all in upper case."},
	{Name: "string.join", Params: []Param{Pos("x", alike)}, Returns: String, Help: "Joins the strings in x, with this string between them."},
	{Name: "string.lower", Returns: String, Help: "Returns the string in lower case."},
	{Name: "string.lstrip", Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at the start."},
	{Name: "string.partition", Params: []Param{Pos("sep", String)}, Returns: Tuple.Of(String), Help: "Splits the string at the first sep and returns a tuple: the part before it, sep, and the part after it."},
	{Name: "string.removeprefix", Params: []Param{Pos("prefix", String)}, Returns: String, Help: "Returns the string without the prefix, if it has it."},
	{Name: "string.removesuffix", Params: []Param{Pos("suffix", String)}, Returns: String, Help: "Returns the string without the suffix, if it has it."},
	{Name: "string.replace", Params: []Param{Pos("old", String), Pos("new", String), OptPos("count", Int, "-1")}, Returns: String, Help: "Returns the string with old replaced by new, everywhere or the first count times."},
	{Name: "string.rfind", Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the last sub, or -1 if there is none."},
	{Name: "string.rindex", Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the last sub, or fails if there is none."},
	{Name: "string.rpartition", Params: []Param{Pos("sep", String)}, Returns: Tuple.Of(String), Help: "Splits the string at the last sep and returns a tuple: the part before it, sep, and the part after it."},
	{Name: "string.rsplit", Params: []Param{OptPos("sep", String|None, "None"), OptPos("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "Splits the string like split, but from the end."},
	{Name: "string.rstrip", Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at the end."},
	{Name: "string.split", Params: []Param{OptPos("sep", String|None, "None"), OptPos("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "Splits the string at each sep, or without sep at white space, and returns a list of the parts."},
	{Name: "string.splitlines", Params: []Param{OptPos("keepends", Bool, "False")}, Returns: List.Of(String), Help: "Splits the string into its lines, and returns a list of them."},
	{Name: "string.startswith", Params: []Param{Pos("prefix", String|Tuple), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Bool, Help: "Reports whether the string starts with the prefix, or with any of a tuple of prefixes."},
	{Name: "string.strip", Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at both ends."},
	{Name: "string.title", Returns: String, Help: "Returns the string with each word beginning with an upper-case letter."},
	{Name: "string.upper", Returns: String, Help: "Returns the string in upper case."},
}

var byName = sync.OnceValue(func() map[string]*Decl {
	all := make(map[string]*Decl)
	for _, table := range [][]Decl{functions, methods} {
		for i := range table {
			d := &table[i]
			_, function := starlark.Universe[d.Name].(*starlark.Builtin)
			d.native = function || strings.Contains(d.Name, ".")
			all[d.Name] = d
		}
	}
	return all
})

// Native returns the declaration of a function of Starlark, such as len, or of a method of its types, such as
// string.split; nil for any other name.
func Native(name string) *Decl { return byName()[name] }

// NativeNames returns the sorted names that Native accepts.
func NativeNames() []string { return slices.Sorted(maps.Keys(byName())) }
