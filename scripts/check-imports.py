#!/usr/bin/env python3
"""Fails when files or folders of a crate import each other in a circle, or a room imports what it must not.

usage: check-imports.py CRATE...      the folders below crates/ to check
       check-imports.py --arrows CRATE  print every arrow and the names that make it
       check-imports.py --self-test     show that circles are found

An arrow goes from a file to the file that defines what it names, also where it names it by way of a re-export.
`mod` lines make no arrow, and code under `#[cfg(test)]` is not read.
"""

import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

# What a room may import of its crate, beside itself. A room is a folder or file of the crate, or one of those below api/.
# Rooms that are not named may import anything.
MAY_IMPORT = {
    "server": {
        "http": set(),
        "transport": {"config", "http"},
        "api/twilio": {"api", "http"},
        "api/nevis": {"api", "http", "moment"},
        "api/fido": {"api", "http"},
        # It makes the access keys of a Service, and writes the records of an export.
        "api/manage": {"api", "api/nevis", "http", "metadata", "pem", "transfer"},
    }
}

CRATES = Path(__file__).resolve().parent.parent / "crates"

COMMENTS_AND_TEXTS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|\bb?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""",
    re.DOTALL,
)
ITEM = re.compile(r"\b(?:fn|struct|enum|union|trait|type|static|const|macro_rules!)\s+(\w+)")
PATH = re.compile(r"(?<![\w:])\w+(?:\s*::\s*\w+)+")
ATTRIBUTES = re.compile(r"(?:\s*#\s*!?\[[^\]]*\])*\s*")
TEST = re.compile(r"#\[cfg\(test\)\]")


class Module:
    """One module: the file that it is in, and what it defines and names."""

    def __init__(self, file):
        self.file = file
        self.items, self.imports, self.globs, self.paths = set(), {}, [], set()


class Crate:
    """The modules of a crate by their path, as tuples; the root's is empty."""

    def __init__(self, source):
        self.source, self.modules = source, {}
        root = next(name for name in ("lib.rs", "main.rs") if (source / name).exists())
        self.read_file(source / root, ())

    def read_file(self, file, module):
        text = COMMENTS_AND_TEXTS.sub(" ", file.read_text(encoding="utf-8"))
        self.read(text, file.relative_to(self.source).as_posix(), module)

    def read(self, text, file, path):
        module = self.modules[path] = Module(file)
        for item in items_of(text):
            head = ATTRIBUTES.match(item)
            if TEST.search(head[0]):
                continue
            item = re.sub(r"^(?:pub(?:\s*\([^)]*\))?\s+)", "", item[head.end() :])
            if inner := re.match(r"mod\s+(\w+)\s*(;|\{)", item):
                self.read_module(inner, item, file, path)
            elif item.startswith("use "):
                read_use(module, item.removeprefix("use ").rstrip("; \n"), ())
            else:
                module.items.update(ITEM.findall(item.split("{")[0]))
                module.paths.update(tuple(re.split(r"\s*::\s*", found)) for found in PATH.findall(item))

    def read_module(self, found, item, file, path):
        path = (*path, found[1])
        if found[2] == "{":
            self.read(item[found.end() : item.rindex("}")], file, path)
            return
        flat = self.source.joinpath(*path[:-1], path[-1] + ".rs")
        self.read_file(flat if flat.exists() else self.source.joinpath(*path, "mod.rs"), path)

    def file_of(self, at, path, depth=0):
        """The file that defines what a path names; None for a module, and for what is of another crate."""
        if depth > 20:
            sys.exit(f"re-exports lead in a circle: {'::'.join(path)}")
        inside = path[0] in ("crate", "self", "super")
        if path[0] == "crate":
            at, path = (), path[1:]
        while path:
            module, name = self.modules[at], path[0]
            if name == "self":
                pass
            elif name == "super":
                at = at[:-1]
            elif (*at, name) in self.modules:
                at, inside = (*at, name), True
            elif name in module.items:
                return module.file
            elif name in module.imports:
                whole = module.imports[name] + path[1:]
                return None if whole[0] == name else self.file_of(at, whole, depth + 1)
            else:
                found = (self.file_of(at, glob + path, depth + 1) for glob in module.globs)
                # A name that nothing defines visibly comes out of a macro.
                return next(filter(None, found), module.file if inside else None)
            path = path[1:]
        return None

    def arrows(self):
        arrows = defaultdict(set)
        for at, module in self.modules.items():
            for path in {*module.imports.values(), *module.globs, *module.paths}:
                file = self.file_of(at, path)
                if file and file != module.file:
                    arrows[module.file, file].add("::".join(path))
        return arrows


def items_of(text):
    """The items of a module, each with its attributes."""
    depth = start = 0
    for place, character in enumerate(text):
        if character in "{([":
            depth += 1
        elif character in "})]":
            depth -= 1
        # An item ends with a semicolon or a body; the braces of a `use` are followed by its semicolon.
        use = character == "}" and re.search(r"(?:^|\s)use\s[^;]*$", text[start:place])
        if depth == 0 and (character == ";" or character == "}" and not use):
            yield text[start : place + 1]
            start = place + 1


def read_use(module, tree, prefix):
    tree = tree.strip()
    if "{" in tree:
        head, _, inner = tree.partition("{")
        prefix += tuple(filter(None, re.split(r"\s*::\s*", head.strip())))
        depth, start = 0, 0
        inner = inner[: inner.rindex("}")] + ","
        for place, character in enumerate(inner):
            depth += (character == "{") - (character == "}")
            if character == "," and depth == 0:
                if inner[start:place].strip():
                    read_use(module, inner[start:place], prefix)
                start = place + 1
        return
    tree, _, known_as = tree.partition(" as ")
    path = prefix + tuple(part.strip() for part in tree.split("::"))
    if path[-1] == "*":
        module.globs.append(path[:-1])
        return
    if path[-1] == "self" and len(path) > 1:
        path = path[:-1]
    module.imports[known_as.strip() or path[-1]] = path


def circles(arrows):
    """The strongly connected components of more than one file, as sets."""
    reach = {}
    for start, _ in arrows:
        found, open_files = set(), [start]
        while open_files:
            file = open_files.pop()
            for source, target in arrows:
                if source == file and target not in found:
                    found.add(target)
                    open_files.append(target)
        reach[start] = found
    return {
        frozenset(other for other in reach if other in reach[file] and file in reach[other])
        for file in reach
        if file in reach[file]
    }


def room_of(file):
    """The room of a file: its first folder, or the second one below api/; a file outside of all folders is a room, too."""
    folders = Path(file).with_suffix("").parts
    if folders[0] == "api":
        return "/".join(folders[:2]) if len(folders) > 2 else "api"
    return folders[0]


def between_rooms(arrows):
    """The arrows between rooms, each with those between files that make it."""
    found = defaultdict(set)
    for (file, target), names in arrows.items():
        if room_of(file) != room_of(target):
            found[room_of(file), room_of(target)].add(f"{file} -> {target} ({', '.join(sorted(names))})")
    return found


def check(name, source):
    arrows = Crate(source).arrows()
    fine = no_circles(name, "files", arrows)
    if rooms := MAY_IMPORT.get(name):
        arrows = between_rooms(arrows)
        fine = no_circles(name, "rooms", arrows) and fine
        for (room, target), files in sorted(arrows.items()):
            if target not in rooms.get(room, {target}):
                print(f"crates/{name}: {room} must not import {target}: {'; '.join(sorted(files))}", file=sys.stderr)
                fine = False
    return fine


def no_circles(name, kind, arrows):
    found = circles(arrows)
    for circle in found:
        print(f"crates/{name}: {len(circle)} {kind} import each other in a circle:", file=sys.stderr)
        for (file, target), names in sorted(arrows.items()):
            if file in circle and target in circle:
                print(f"  {file} -> {target}: {', '.join(sorted(names))}", file=sys.stderr)
    return not found


def self_test():
    """Three files, whose second names the third by way of a re-export, with and without an arrow back."""
    for back, expected in (
        ("use crate::first::A;", ["first.rs", "second/mod.rs", "third.rs"]),
        ("fn f() { crate::first::make() }", ["first.rs", "second/mod.rs", "third.rs"]),
        ("// use crate::first::A;", []),
        ('const A: &str = "crate::first::A";', []),
        ("#[cfg(test)]\nmod tests { use crate::first::A; }", []),
        ("#[cfg(test)]\nuse crate::first::A;", []),
    ):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder)
            (source / "second").mkdir()
            for file, text in {
                "lib.rs": "pub mod first;\nmod second;\nmod third;\npub use third::{B as C, D};",
                "first.rs": "use crate::second::{self, inner::E};\npub struct A(second::F, E);\npub fn make() {}",
                "second/mod.rs": "pub mod inner;\nuse crate::C;\npub struct F(C);",
                "second/inner.rs": "pub struct E;",
                "third.rs": f"pub struct B;\npub struct D;\n{back}",
            }.items():
                (source / file).write_text(text, encoding="utf-8")
            found = [file for circle in circles(Crate(source).arrows()) for file in sorted(circle)]
            if found != expected:
                sys.exit(f"self-test: with {back!r} found {found}, expected {expected}")


    rooms = between_rooms({("api/a/x.rs", "api/b/y.rs"): {"Y"}, ("api/b/z.rs", "api/a/w.rs"): {"W"}, ("c.rs", "c/d.rs"): {"D"}})
    if set(rooms) != {("api/a", "api/b"), ("api/b", "api/a")} or len(circles(rooms)) != 1:
        sys.exit(f"self-test: the circle of two rooms is not found in {sorted(rooms)}")


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
    elif arguments[:1] == ["--arrows"] and len(arguments) == 2:
        for (file, target), names in sorted(Crate(CRATES / arguments[1] / "src").arrows().items()):
            print(f"{file} -> {target}: {', '.join(sorted(names))}")
    elif arguments and not arguments[0].startswith("-"):
        if not all([check(name, CRATES / name / "src") for name in arguments]):
            sys.exit(1)
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
