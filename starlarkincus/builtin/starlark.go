package builtin

import (
	"maps"
	"slices"
	"sync"
)

// Parameters of Starlark's own functions are positional, with few exceptions.

// alike is Iterable without Result, whose elements, a value and an error, have different types.
const alike = Iterable &^ Result

// Functions declares the names of Starlark itself.
var Functions = []Decl{
	{Name: "None", Help: "The value for the absence of a value."},
	{Name: "True", Help: "The truth value true."},
	{Name: "False", Help: "The truth value false."},
	{Name: "abs", native: true, Params: []Param{Pos("x", Number)}, Returns: Number, Help: "Returns the absolute value of a number."},
	{Name: "all", native: true, Params: []Param{Pos("x", Iterable)}, Returns: Bool, Help: "Reports whether all elements of x are true."},
	{Name: "any", native: true, Params: []Param{Pos("x", Iterable)}, Returns: Bool, Help: "Reports whether any element of x is true."},
	{Name: "bool", native: true, Params: []Param{OptPos("x", Any, "False")}, Returns: Bool, Help: "Reports whether x is true: not None, False, 0 or empty."},
	{Name: "bytes", native: true, Params: []Param{Pos("x", Text|alike&^(Error|Environment))}, Returns: Bytes, Help: "Returns the UTF-8 bytes of a string, or bytes with the values of a list of ints."},
	{Name: "chr", native: true, Params: []Param{Pos("i", Int)}, Returns: String, Help: "Returns a string with one Unicode character."},
	{Name: "dict", native: true, Params: []Param{OptPos("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: Dict, Help: "Returns a new dict with the entries of a dict or a list of pairs, and the named arguments."},
	{Name: "dir", native: true, Params: []Param{Pos("x", Any)}, Returns: List.Of(String), Help: "Returns the sorted names of the attributes of x."},
	{Name: "enumerate", native: true, Params: []Param{Pos("x", Iterable), OptPos("start", Int, "0")}, Returns: List.Of(Tuple), Help: "Returns a list of pairs of an index and an element of x."},
	{Name: "fail", native: true, Params: []Param{Args("args", Any)}, Help: "Ends the script with an error."},
	{Name: "float", native: true, Params: []Param{OptPos("x", Number|Bool|String, "0.0")}, Returns: Float, Help: "Converts a number or a string to a float."},
	{Name: "getattr", native: true, Params: []Param{Pos("x", Any), Pos("name", String), OptPos("default", Any, "")}, Help: "Returns an attribute of x by its name. If x has no such attribute, returns the default, or fails without one."},
	{Name: "hasattr", native: true, Params: []Param{Pos("x", Any), Pos("name", String)}, Returns: Bool, Help: "Reports whether x has an attribute."},
	{Name: "hash", native: true, Params: []Param{Pos("x", Text)}, Returns: Int, Help: "Returns an int that is the same for equal strings or bytes."},
	{Name: "int", native: true, Params: []Param{Need("x", Number|Bool|String), Opt("base", Int, "10")}, Returns: Int, Help: "Converts a string or a number to an int, truncating towards zero. Base 0 accepts prefixes such as 0x."},
	{Name: "len", native: true, Params: []Param{Pos("x", Sized)}, Returns: Int, Help: "Returns the number of elements of x, or of bytes in a string."},
	{Name: "list", native: true, Params: []Param{OptPos("x", Iterable, "[]")}, Returns: List, Help: "Returns a new list of the elements of x."},
	{Name: "max", native: true, Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "Returns the greatest of the arguments, or of the elements of a single argument. With key, compares key(x)."},
	{Name: "min", native: true, Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "Returns the least of the arguments, or of the elements of a single argument. With key, compares key(x)."},
	{Name: "ord", native: true, Params: []Param{Pos("s", Text)}, Returns: Int, Help: "Returns the code of the only Unicode character in s."},
	{Name: "print", native: true, Params: []Param{Args("args", Any), Key("sep", String, "\" \"")}, Returns: None, Help: "Prints its arguments and a newline."},
	{Name: "range", native: true, Params: []Param{Pos("start_or_stop", Int), OptPos("stop", Int, ""), OptPos("step", Int, "1")}, Usage: "stop) or range(start, stop, step=1", Returns: Range, Help: "Returns the ints from start, by default 0, to stop, excluding stop."},
	{Name: "repr", native: true, Params: []Param{Pos("x", Any)}, Returns: String, Help: "Returns x as an expression in a script, as the prompt prints it."},
	{Name: "reversed", native: true, Params: []Param{Pos("x", Iterable)}, Returns: List, Help: "Returns a list of the elements of x in reverse order."},
	{Name: "set", native: true, Params: []Param{OptPos("x", Iterable, "[]")}, Returns: Set, Help: "Returns a new set of the elements of x."},
	{Name: "sorted", native: true, Params: []Param{Need("iterable", alike), Opt("key", Callable, "…"), Opt("reverse", Bool, "False")}, Usage: "x, key=…, reverse=False", Returns: List, Help: "Returns a new sorted list of the elements of x. With key, compares key(x)."},
	{Name: "str", native: true, Params: []Param{Pos("x", Any)}, Returns: String, Help: "Converts x to a string."},
	{Name: "tuple", native: true, Params: []Param{OptPos("x", Iterable, "()")}, Returns: Tuple, Help: "Returns a tuple of the elements of x."},
	{Name: "type", native: true, Params: []Param{Pos("x", Any)}, Returns: String, Help: `Returns the name of the type of x, such as "list".`},
	{Name: "zip", native: true, Params: []Param{Args("args", Iterable)}, Returns: List.Of(Tuple), Help: "Returns a list of tuples: the first elements of all arguments, then the second ones, up to the end of the shortest."},
}

// methods declares the methods of Starlark's types.
var methods = []Decl{
	{Name: "bytes.elems", native: true, Returns: Iterable, Help: "Returns the bytes as ints."},
	{Name: "dict.clear", native: true, Returns: None, Help: "Removes all entries."},
	{Name: "dict.get", native: true, Params: []Param{Pos("key", Any), OptPos("default", Any, "None")}, Help: "Returns the value of a key, or the default if the key doesn't exist."},
	{Name: "dict.items", native: true, Returns: List.Of(Tuple), Help: "Returns a list of pairs of key and value."},
	{Name: "dict.keys", native: true, Returns: List, Help: "Returns a list of the keys, in the order of insertion."},
	{Name: "dict.pop", native: true, Params: []Param{Pos("key", Any), OptPos("default", Any, "")}, Help: "Removes a key and returns its value. If the key doesn't exist, returns the default, or fails without one."},
	{Name: "dict.popitem", native: true, Returns: Tuple, Help: "Removes the first entry and returns its key and value."},
	{Name: "dict.setdefault", native: true, Params: []Param{Pos("key", Any), OptPos("default", Any, "None")}, Help: "Returns the value of a key, after setting it to the default if the key doesn't exist."},
	{Name: "dict.update", native: true, Params: []Param{OptPos("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: None, Help: "Sets the keys of a dict or a list of pairs, and of the named arguments."},
	{Name: "dict.values", native: true, Returns: List, Help: "Returns a list of the values."},
	{Name: "list.append", native: true, Params: []Param{Pos("x", Any)}, Returns: None, Help: "Adds x at the end."},
	{Name: "list.clear", native: true, Returns: None, Help: "Removes all elements."},
	{Name: "list.extend", native: true, Params: []Param{Pos("x", Iterable)}, Returns: None, Help: "Adds all elements of x at the end."},
	{Name: "list.index", native: true, Params: []Param{Pos("x", Any), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first x, or fails if there is none."},
	{Name: "list.insert", native: true, Params: []Param{Pos("i", Int), Pos("x", Any)}, Returns: None, Help: "Inserts x before the element at i."},
	{Name: "list.pop", native: true, Params: []Param{OptPos("i", Int, "-1")}, Help: "Removes the element at i, by default the last one, and returns it."},
	{Name: "list.remove", native: true, Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes the first element that is equal to x, or fails if there is none."},
	{Name: "set.add", native: true, Params: []Param{Pos("x", Any)}, Returns: None, Help: "Adds x."},
	{Name: "set.clear", native: true, Returns: None, Help: "Removes all elements."},
	{Name: "set.difference", native: true, Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set without the elements of the others."},
	{Name: "set.discard", native: true, Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes x if the set contains it."},
	{Name: "set.intersection", native: true, Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set of the elements that all others contain too."},
	{Name: "set.issubset", native: true, Params: []Param{Pos("other", Iterable)}, Returns: Bool, Help: "Reports whether the other contains all elements."},
	{Name: "set.issuperset", native: true, Params: []Param{Pos("other", Iterable)}, Returns: Bool, Help: "Reports whether the set contains all elements of the other."},
	{Name: "set.pop", native: true, Help: "Removes the first element and returns it."},
	{Name: "set.remove", native: true, Params: []Param{Pos("x", Any)}, Returns: None, Help: "Removes x, or fails if the set doesn't contain it."},
	{Name: "set.symmetric_difference", native: true, Params: []Param{Pos("other", Iterable)}, Returns: Set, Help: "Returns a new set of the elements that only one of the two contains."},
	{Name: "set.union", native: true, Params: []Param{Args("others", Iterable)}, Returns: Set, Help: "Returns a new set with the elements of the others added."},
	{Name: "set.update", native: true, Params: []Param{Args("others", Iterable)}, Returns: None, Help: "Adds the elements of the others."},
	{Name: "string.capitalize", native: true, Returns: String, Help: "Returns the string with the first letter in upper case and the others in lower case."},
	{Name: "string.codepoint_ords", native: true, Returns: Iterable, Help: "Returns the codes of the Unicode characters."},
	{Name: "string.codepoints", native: true, Returns: Iterable, Help: "Returns the Unicode characters, each as a string."},
	{Name: "string.count", native: true, Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the number of occurrences of sub, without overlap."},
	{Name: "string.elem_ords", native: true, Returns: Iterable, Help: "Returns the bytes as ints."},
	{Name: "string.elems", native: true, Returns: Iterable, Help: "Returns the bytes, each as a string."},
	{Name: "string.endswith", native: true, Params: []Param{Pos("suffix", String|Tuple), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Bool, Help: "Reports whether the string ends with the suffix, or with any of a tuple of suffixes."},
	{Name: "string.find", native: true, Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first sub, or -1 if there is none."},
	{Name: "string.format", native: true, Params: []Param{Args("args", Any), KwArgs("kwargs", Any)}, Returns: String, Help: "Returns the string with {} and {name} replaced by arguments."},
	{Name: "string.index", native: true, Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the first sub, or fails if there is none."},
	{Name: "string.isalnum", native: true, Returns: Bool, Help: "Reports whether the string consists of letters and digits, and isn't empty."},
	{Name: "string.isalpha", native: true, Returns: Bool, Help: "Reports whether the string consists of letters, and isn't empty."},
	{Name: "string.isdigit", native: true, Returns: Bool, Help: "Reports whether the string consists of digits, and isn't empty."},
	{Name: "string.islower", native: true, Returns: Bool, Help: "Reports whether the string has letters, all in lower case."},
	{Name: "string.isspace", native: true, Returns: Bool, Help: "Reports whether the string consists of white space, and isn't empty."},
	{Name: "string.istitle", native: true, Returns: Bool, Help: "Reports whether each word begins with an upper-case letter and continues in lower case."},
	{Name: "string.isupper", native: true, Returns: Bool, Help: "Reports whether the string has letters, all in upper case."},
	{Name: "string.join", native: true, Params: []Param{Pos("x", alike)}, Returns: String, Help: "Joins the strings in x, with this string between them."},
	{Name: "string.lower", native: true, Returns: String, Help: "Returns the string in lower case."},
	{Name: "string.lstrip", native: true, Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at the start."},
	{Name: "string.partition", native: true, Params: []Param{Pos("sep", String)}, Returns: Tuple.Of(String), Help: "Splits the string at the first sep and returns a tuple: the part before it, sep, and the part after it."},
	{Name: "string.removeprefix", native: true, Params: []Param{Pos("prefix", String)}, Returns: String, Help: "Returns the string without the prefix, if it has it."},
	{Name: "string.removesuffix", native: true, Params: []Param{Pos("suffix", String)}, Returns: String, Help: "Returns the string without the suffix, if it has it."},
	{Name: "string.replace", native: true, Params: []Param{Pos("old", String), Pos("new", String), OptPos("count", Int, "-1")}, Returns: String, Help: "Returns the string with old replaced by new, everywhere or the first count times."},
	{Name: "string.rfind", native: true, Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the last sub, or -1 if there is none."},
	{Name: "string.rindex", native: true, Params: []Param{Pos("sub", String), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Int, Help: "Returns the index of the last sub, or fails if there is none."},
	{Name: "string.rpartition", native: true, Params: []Param{Pos("sep", String)}, Returns: Tuple.Of(String), Help: "Splits the string at the last sep and returns a tuple: the part before it, sep, and the part after it."},
	{Name: "string.rsplit", native: true, Params: []Param{OptPos("sep", String|None, "None"), OptPos("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "Splits the string like split, but from the end."},
	{Name: "string.rstrip", native: true, Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at the end."},
	{Name: "string.split", native: true, Params: []Param{OptPos("sep", String|None, "None"), OptPos("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "Splits the string at each sep, or without sep at white space, and returns a list of the parts."},
	{Name: "string.splitlines", native: true, Params: []Param{OptPos("keepends", Bool, "False")}, Returns: List.Of(String), Help: "Splits the string into its lines, and returns a list of them."},
	{Name: "string.startswith", native: true, Params: []Param{Pos("prefix", String|Tuple), OptPos("start", Int|None, "0"), OptPos("end", Int|None, "None")}, Returns: Bool, Help: "Reports whether the string starts with the prefix, or with any of a tuple of prefixes."},
	{Name: "string.strip", native: true, Params: []Param{OptPos("chars", String, "…")}, Returns: String, Help: "Returns the string without white space, or without the given characters, at both ends."},
	{Name: "string.title", native: true, Returns: String, Help: "Returns the string with each word beginning with an upper-case letter."},
	{Name: "string.upper", native: true, Returns: String, Help: "Returns the string in upper case."},
}

var byName = sync.OnceValue(func() map[string]*Decl {
	all := make(map[string]*Decl)
	for _, table := range [][]Decl{Functions, methods} {
		for i := range table {
			all[table[i].Name] = &table[i]
		}
	}
	return all
})

// Native returns the declaration of a function of Starlark, such as len, or of a method of its types, such as
// string.split; nil for any other name.
func Native(name string) *Decl { return byName()[name] }

// NativeNames returns the sorted names that Native accepts.
func NativeNames() []string { return slices.Sorted(maps.Keys(byName())) }
