"""Writes python.star: what Python's re gives for each pattern and each string.

    python3 python.py >python.star
"""

import re

PATTERNS = [r"", r"a", r"a*", r"(a)(b)?", r"(?P<k>\w+)=(?P<v>\d*)", r"\d+", r"[ab]|c", r"^a", r"a$", r"(?i)A", r"(?m)^\w", r"(?s)a.",
            r"a.", r"(a|ab)(c|bcd)?", r"\bb", r",\s*", r"(,)", r"x{2,3}?", r"[^a]+", r"\.", r"(?:ab)+", r"(b)|(c)", r"\W"]
STRINGS = ["", "a", "abc", "b,a, c", "k=1 v= w=22", "aAbB", "a\nb\na", "a\n", "xxxxx", "abab cab", "1.2.3"]

def show(m):
    return m and (m.group(), m.span(), m.groups(), m.groupdict(), m[0])

for p in PATTERNS:
    for s in STRINGS:
        print(repr((p, s, [
            show(re.search(p, s)), show(re.match(p, s)), show(re.fullmatch(p, s)), re.findall(p, s), re.split(p, s),
            re.split(p, s, maxsplit=1), re.sub(p, r"<\g<0>>", s), re.sub(p, "-", s, count=2), re.sub(p, lambda m: m[0].upper(), s),
        ])))
