package builtin

import (
	"maps"
	"slices"
	"sync"
)

// Starlark's own parameters are given by their position, unless it says something else.

func need(name string, t Type) Param {
	return Param{Name: name, Type: t, Required: true, Passing: ByPosition}
}

func opt(name string, t Type, value string) Param {
	return Param{Name: name, Type: t, Default: value, Passing: ByPosition}
}

// alike are Iterable but for a Result, whose elements are never of one type: it has a value and an error.
const alike = Iterable &^ Result

// Functions are Starlark's own names.
var Functions = []Decl{
	{Name: "None", Help: "The value that stands for no value."},
	{Name: "True", Help: "The truth value."},
	{Name: "False", Help: "The other truth value."},
	{Name: "abs", native: true, Params: []Param{need("x", Number)}, Returns: Number, Help: "The absolute value of a number."},
	{Name: "all", native: true, Params: []Param{need("x", Iterable)}, Returns: Bool, Help: "True if all elements of x are true."},
	{Name: "any", native: true, Params: []Param{need("x", Iterable)}, Returns: Bool, Help: "True if any element of x is true."},
	{Name: "bool", native: true, Params: []Param{opt("x", Any, "False")}, Returns: Bool, Help: "Whether x is true: not None, False, 0 or empty."},
	{Name: "bytes", native: true, Params: []Param{need("x", Text|alike&^(Error|Environment))}, Returns: Bytes, Help: "The bytes of a string in UTF-8, or those of a list of ints."},
	{Name: "chr", native: true, Params: []Param{need("i", Int)}, Returns: String, Help: "The string of one Unicode character."},
	{Name: "dict", native: true, Params: []Param{opt("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: Dict, Help: "A new dict of a dict or of pairs, with the named arguments added."},
	{Name: "dir", native: true, Params: []Param{need("x", Any)}, Returns: List.Of(String), Help: "The names of x's attributes, sorted."},
	{Name: "enumerate", native: true, Params: []Param{need("x", Iterable), opt("start", Int, "0")}, Returns: List.Of(Tuple), Help: "A list of pairs: each element of x with its number before it."},
	{Name: "fail", native: true, Params: []Param{Args("args", Any)}, Help: "Ends the script with an error."},
	{Name: "float", native: true, Params: []Param{opt("x", Number|Bool|String, "0.0")}, Returns: Float, Help: "A number or a string as a float."},
	{Name: "getattr", native: true, Params: []Param{need("x", Any), need("name", String), opt("default", Any, "")}, Help: "The attribute of that name; the default, where one is given, if there is none."},
	{Name: "hasattr", native: true, Params: []Param{need("x", Any), need("name", String)}, Returns: Bool, Help: "Whether x has an attribute of that name."},
	{Name: "hash", native: true, Params: []Param{need("x", Text)}, Returns: Int, Help: "A number made from a string or bytes, the same each time."},
	{Name: "int", native: true, Params: []Param{Need("x", Number|Bool|String), Opt("base", Int, "10")}, Returns: Int, Help: "A number, cut off towards zero, or a string as an int. Base 0 takes prefixes such as 0x."},
	{Name: "len", native: true, Params: []Param{need("x", Sized)}, Returns: Int, Help: "The number of elements of x, or of bytes of a string."},
	{Name: "list", native: true, Params: []Param{opt("x", Iterable, "[]")}, Returns: List, Help: "A new list of the elements of x."},
	{Name: "max", native: true, Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "The greatest of the arguments, or of one argument's elements; key(x) is compared where it is given."},
	{Name: "min", native: true, Params: []Param{Args("args", Any), Key("key", Callable, "…")}, Help: "The least of the arguments, or of one argument's elements; key(x) is compared where it is given."},
	{Name: "ord", native: true, Params: []Param{need("s", Text)}, Returns: Int, Help: "The number of the one Unicode character in s."},
	{Name: "print", native: true, Params: []Param{Args("args", Any), Key("sep", String, "\" \"")}, Returns: None, Help: "Prints its arguments and a newline."},
	{Name: "range", native: true, Params: []Param{need("start_or_stop", Int), opt("stop", Int, ""), opt("step", Int, "1")}, Usage: "stop) or range(start, stop, step=1", Returns: Range, Help: "The numbers from start, 0 without it, up to but not including stop."},
	{Name: "repr", native: true, Params: []Param{need("x", Any)}, Returns: String, Help: "x as a script would write it, as the prompt shows it."},
	{Name: "reversed", native: true, Params: []Param{need("x", Iterable)}, Returns: List, Help: "A list of the elements of x, last one first."},
	{Name: "set", native: true, Params: []Param{opt("x", Iterable, "[]")}, Returns: Set, Help: "A new set of the elements of x."},
	{Name: "sorted", native: true, Params: []Param{Need("iterable", alike), Opt("key", Callable, "…"), Opt("reverse", Bool, "False")}, Usage: "x, key=…, reverse=False", Returns: List, Help: "A new list of the elements of x in order; key(x) is compared where it is given."},
	{Name: "str", native: true, Params: []Param{need("x", Any)}, Returns: String, Help: "x as a string."},
	{Name: "tuple", native: true, Params: []Param{opt("x", Iterable, "()")}, Returns: Tuple, Help: "A tuple of the elements of x."},
	{Name: "type", native: true, Params: []Param{need("x", Any)}, Returns: String, Help: `The name of x's type, a string such as "list".`},
	{Name: "zip", native: true, Params: []Param{Args("args", Iterable)}, Returns: List.Of(Tuple), Help: "A list of tuples: the first elements of all arguments, the second ones, up to the shortest's end."},
}

// methods are those of Starlark's own types.
var methods = []Decl{
	{Name: "bytes.elems", native: true, Returns: Iterable, Help: "The bytes as ints."},
	{Name: "dict.clear", native: true, Returns: None, Help: "Removes all entries."},
	{Name: "dict.get", native: true, Params: []Param{need("key", Any), opt("default", Any, "None")}, Help: "The value of the key, or the default if there is none."},
	{Name: "dict.items", native: true, Returns: List.Of(Tuple), Help: "A list of pairs of key and value."},
	{Name: "dict.keys", native: true, Returns: List, Help: "A list of the keys, in the order of their insertion."},
	{Name: "dict.pop", native: true, Params: []Param{need("key", Any), opt("default", Any, "")}, Help: "Removes the key and returns its value; the default, where one is given, if there is none."},
	{Name: "dict.popitem", native: true, Returns: Tuple, Help: "Removes the first entry and returns its key and value."},
	{Name: "dict.setdefault", native: true, Params: []Param{need("key", Any), opt("default", Any, "None")}, Help: "The value of the key, which is set to the default if there is none."},
	{Name: "dict.update", native: true, Params: []Param{opt("pairs", alike, "[]"), KwArgs("kwargs", Any)}, Returns: None, Help: "Sets the keys of a dict or of pairs, and those of the named arguments."},
	{Name: "dict.values", native: true, Returns: List, Help: "A list of the values."},
	{Name: "list.append", native: true, Params: []Param{need("x", Any)}, Returns: None, Help: "Adds x at the end."},
	{Name: "list.clear", native: true, Returns: None, Help: "Removes all elements."},
	{Name: "list.extend", native: true, Params: []Param{need("x", Iterable)}, Returns: None, Help: "Adds all elements of x at the end."},
	{Name: "list.index", native: true, Params: []Param{need("x", Any), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "Where x first is; an error if it isn't there."},
	{Name: "list.insert", native: true, Params: []Param{need("i", Int), need("x", Any)}, Returns: None, Help: "Inserts x before the element at i."},
	{Name: "list.pop", native: true, Params: []Param{opt("i", Int, "-1")}, Help: "Removes the element at i, the last one without it, and returns it."},
	{Name: "list.remove", native: true, Params: []Param{need("x", Any)}, Returns: None, Help: "Removes the first element that is equal to x; an error if there is none."},
	{Name: "set.add", native: true, Params: []Param{need("x", Any)}, Returns: None, Help: "Adds x."},
	{Name: "set.clear", native: true, Returns: None, Help: "Removes all elements."},
	{Name: "set.difference", native: true, Params: []Param{need("other", Iterable)}, Returns: Set, Help: "A new set without the elements of the other."},
	{Name: "set.discard", native: true, Params: []Param{need("x", Any)}, Returns: None, Help: "Removes x if it is there."},
	{Name: "set.intersection", native: true, Params: []Param{need("other", Iterable)}, Returns: Set, Help: "A new set of the elements that the other has too."},
	{Name: "set.issubset", native: true, Params: []Param{need("other", Iterable)}, Returns: Bool, Help: "Whether all elements are in the other."},
	{Name: "set.issuperset", native: true, Params: []Param{need("other", Iterable)}, Returns: Bool, Help: "Whether all of the other's elements are in this one."},
	{Name: "set.pop", native: true, Help: "Removes the first element and returns it."},
	{Name: "set.remove", native: true, Params: []Param{need("x", Any)}, Returns: None, Help: "Removes x; an error if it isn't there."},
	{Name: "set.symmetric_difference", native: true, Params: []Param{need("other", Iterable)}, Returns: Set, Help: "A new set of the elements that only one of the two has."},
	{Name: "set.union", native: true, Params: []Param{Args("others", Iterable)}, Returns: Set, Help: "A new set with the elements of the others too."},
	{Name: "set.update", native: true, Params: []Param{Args("others", Iterable)}, Returns: None, Help: "Adds the elements of the others."},
	{Name: "string.capitalize", native: true, Returns: String, Help: "The string with its first letter in upper case and the rest in lower case."},
	{Name: "string.codepoint_ords", native: true, Returns: Iterable, Help: "The numbers of the Unicode characters."},
	{Name: "string.codepoints", native: true, Returns: Iterable, Help: "The Unicode characters, each as a string."},
	{Name: "string.count", native: true, Params: []Param{need("sub", String), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "How often sub occurs, without overlap."},
	{Name: "string.elem_ords", native: true, Returns: Iterable, Help: "The bytes as ints."},
	{Name: "string.elems", native: true, Returns: Iterable, Help: "The bytes, each as a string."},
	{Name: "string.endswith", native: true, Params: []Param{need("suffix", String|Tuple), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Bool, Help: "Whether it ends with the suffix, or with any of a tuple of them."},
	{Name: "string.find", native: true, Params: []Param{need("sub", String), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "Where sub first is; -1 if it isn't there."},
	{Name: "string.format", native: true, Params: []Param{Args("args", Any), KwArgs("kwargs", Any)}, Returns: String, Help: "The string with {} and {name} replaced by arguments."},
	{Name: "string.index", native: true, Params: []Param{need("sub", String), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "Where sub first is; an error if it isn't there."},
	{Name: "string.isalnum", native: true, Returns: Bool, Help: "Whether it has letters and digits only, and any."},
	{Name: "string.isalpha", native: true, Returns: Bool, Help: "Whether it has letters only, and any."},
	{Name: "string.isdigit", native: true, Returns: Bool, Help: "Whether it has digits only, and any."},
	{Name: "string.islower", native: true, Returns: Bool, Help: "Whether its letters are lower case, and there are any."},
	{Name: "string.isspace", native: true, Returns: Bool, Help: "Whether it has white space only, and any."},
	{Name: "string.istitle", native: true, Returns: Bool, Help: "Whether each word starts with a capital and goes on in lower case."},
	{Name: "string.isupper", native: true, Returns: Bool, Help: "Whether its letters are upper case, and there are any."},
	{Name: "string.join", native: true, Params: []Param{need("x", alike)}, Returns: String, Help: "The strings of x in one, with this one between them."},
	{Name: "string.lower", native: true, Returns: String, Help: "The string in lower case."},
	{Name: "string.lstrip", native: true, Params: []Param{opt("chars", String, "…")}, Returns: String, Help: "The string without the white space, or those characters, at its start."},
	{Name: "string.partition", native: true, Params: []Param{need("sep", String)}, Returns: Tuple.Of(String), Help: "Three strings: what is before the first sep, sep, what is after it."},
	{Name: "string.removeprefix", native: true, Params: []Param{need("prefix", String)}, Returns: String, Help: "The string without the prefix, if it has it."},
	{Name: "string.removesuffix", native: true, Params: []Param{need("suffix", String)}, Returns: String, Help: "The string without the suffix, if it has it."},
	{Name: "string.replace", native: true, Params: []Param{need("old", String), need("new", String), opt("count", Int, "-1")}, Returns: String, Help: "The string with new for each old, or for the first count of them."},
	{Name: "string.rfind", native: true, Params: []Param{need("sub", String), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "Where sub last is; -1 if it isn't there."},
	{Name: "string.rindex", native: true, Params: []Param{need("sub", String), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Int, Help: "Where sub last is; an error if it isn't there."},
	{Name: "string.rpartition", native: true, Params: []Param{need("sep", String)}, Returns: Tuple.Of(String), Help: "Three strings: what is before the last sep, sep, what is after it."},
	{Name: "string.rsplit", native: true, Params: []Param{opt("sep", String|None, "None"), opt("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "A list of the parts between seps, as split gives it, but counted from the end."},
	{Name: "string.rstrip", native: true, Params: []Param{opt("chars", String, "…")}, Returns: String, Help: "The string without the white space, or those characters, at its end."},
	{Name: "string.split", native: true, Params: []Param{opt("sep", String|None, "None"), opt("maxsplit", Int, "-1")}, Returns: List.Of(String), Help: "A list of the parts between seps; without sep, of the words."},
	{Name: "string.splitlines", native: true, Params: []Param{opt("keepends", Bool, "False")}, Returns: List.Of(String), Help: "A list of the lines."},
	{Name: "string.startswith", native: true, Params: []Param{need("prefix", String|Tuple), opt("start", Int|None, "0"), opt("end", Int|None, "None")}, Returns: Bool, Help: "Whether it starts with the prefix, or with any of a tuple of them."},
	{Name: "string.strip", native: true, Params: []Param{opt("chars", String, "…")}, Returns: String, Help: "The string without the white space, or those characters, at both ends."},
	{Name: "string.title", native: true, Returns: String, Help: "The string with a capital at the start of each word."},
	{Name: "string.upper", native: true, Returns: String, Help: "The string in upper case."},
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

// Native returns the declaration of one of Starlark's own functions, such as len, or of a method of one of its types, such
// as string.split; nil for another name.
func Native(name string) *Decl { return byName()[name] }

// NativeNames returns, sorted, the names that Native knows.
func NativeNames() []string { return slices.Sorted(maps.Keys(byName())) }
