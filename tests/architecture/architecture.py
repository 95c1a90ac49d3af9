"""Reads the #include lines of the project and says which of them break its architecture.

    architecture.py SOURCE_DIR ROOMS [--compiler CXX] [--include DIR]…

ROOMS is written into the build folder by cmake/HyggeRoom.cmake, one room a line:

    room|rooms it may use, itself too|its public headers|public headers of others that it may use

Prints one finding a line, `file:line: what is wrong`; the exit code is 1 if there is any. With --compiler each public
header is compiled alone.
"""

import argparse
import collections
import functools
import pathlib
import re
import subprocess
import sys

CXX = (".h", ".hpp", ".cc", ".cpp")
STORE = "storage/store"  # the only room that knows RocksDB
UMBRELLA = "hygge.h"  # includes all public headers of hygge::hygge, belongs to no room
OTHER_LIBRARIES = {"formats", "server"}  # rooms whose headers come with a library of their own
OWN_FILES = {"error.h": {"tl/expected.hpp"}}  # what else a public header may include: Result is named there
FOREIGN_NAMES = re.compile(
    r"\b(rocksdb|fmt|re2|roaring|nlohmann|YAML|cctz|absl|httplib|protozero|snappy)\s*::|\bnamespace\s+(rocksdb|fmt|re2|roaring|nlohmann|YAML|cctz)\b"
    r"|\b(RE2|Roaring|Roaring64Map|XXH\w+|ZSTD_\w+|z_stream)\b")

Finding = collections.namedtuple("Finding", "path line text")
Include = collections.namedtuple("Include", "line path quoted")


class Room:
    def __init__(self, text):
        name, may_use, headers, also = text.split("|")
        self.name = name
        self.may_use = set(may_use.split())
        self.headers = set(headers.split())
        self.also = set(also.split())


@functools.lru_cache(maxsize=None)
def without_comments(text):
    """The text with comments and the contents of strings blanked; its lines stay where they are."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        found = match.group()
        if found[0] == '"' and re.search(r"#[ \t]*include[ \t]*$", text[max(0, match.start() - 40):match.start()]):
            return found
        return "".join("\n" if c == "\n" else " " for c in found)

    # A digit separator (1'000) is not the start of a character.
    return token.sub(blank, re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text))


@functools.lru_cache(maxsize=None)
def includes_of(code):
    """The includes of a text without comments, and the lines of those whose names cannot be read."""
    includes, unreadable = [], []
    for directive in re.finditer(r"^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(.*)", code, re.MULTILINE):
        number = code.count("\n", 0, directive.start()) + 1
        named = re.match(r'<([^>]+)>|"([^"]+)"', directive.group(1))
        if named:
            includes.append(Include(number, named.group(1) or named.group(2), bool(named.group(2))))
        else:
            unreadable.append(number)
    return tuple(includes), tuple(unreadable)


class File:
    """One C++ file: its path from the source folder, its text, its includes."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.code = without_comments(self.text)
        self.includes, self.unreadable = includes_of(self.code)


class Tree:
    def __init__(self, root, rooms):
        self.root = pathlib.Path(root)
        self.rooms = {room.name: room for room in map(Room, filter(None, pathlib.Path(rooms).read_text().split("\n")))}
        self.owner = {header: room for room in self.rooms.values() for header in room.headers}
        self.files = {}
        for folder in ("src", "include/hygge", "tools/hygge", "examples", "tests", "benchmarks"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in CXX and path.is_file():
                    file = File(self.root, path)
                    self.files[file.path] = file

    def under(self, folder):
        return [file for path, file in self.files.items() if path.startswith(folder + "/")]

    def room_of(self, path):
        """The room of a path from src/: its folder has to be one."""
        return self.rooms.get(path.rpartition("/")[0])

    def in_src(self, include):
        """Whether the include names a file of src/."""
        return ("src/" + include.path) in self.files


def public_name(include):
    return include.path[len("hygge/"):] if include.path.startswith("hygge/") else None


def rooms_include_what_they_may(tree):
    for file in tree.under("src"):
        room = tree.room_of(file.path[len("src/"):])
        if room is None:
            yield Finding(file.path, 1, "belongs to no room: src/CMakeLists.txt names none of that folder")
            continue
        for include in file.includes:
            header = public_name(include)
            if header is not None:
                owner = tree.owner.get(header)
                if header == UMBRELLA:
                    yield Finding(file.path, include.line, "includes hygge.h, which is every room's: name the headers")
                elif owner is not None and owner.name not in room.may_use and header not in room.also:
                    yield Finding(file.path, include.line,
                                  f"room {room.name} may not use <hygge/{header}>, which is {owner.name}'s")
            elif tree.in_src(include):
                other = tree.room_of(include.path)
                if other is not None and other.name not in room.may_use:
                    yield Finding(file.path, include.line, f"room {room.name} may not use {other.name}: {include.path}")
            elif include.quoted:
                yield Finding(file.path, include.line, f'no file of src/ is "{include.path}": paths begin in src/')


def rocksdb_stays_in_its_room(tree):
    for file in tree.files.values():
        if file.path.startswith((f"src/{STORE}/", f"tests/{STORE}/")):
            continue
        for include in file.includes:
            if include.path.startswith("rocksdb/"):
                yield Finding(file.path, include.line, f"includes RocksDB: only {STORE} may")
        if not file.path.startswith("include/") and "rocksdb" in file.code:
            for line, text in enumerate(file.code.split("\n"), 1):
                if re.search(r"\brocksdb\s*::|\bnamespace\s+rocksdb\b", text):
                    yield Finding(file.path, line, f"names a type of RocksDB: only {STORE} may")


def public_headers_show_no_dependency(tree):
    umbrella = {public_name(i) for i in tree.files[f"include/hygge/{UMBRELLA}"].includes}
    for file in tree.under("include/hygge"):
        name = file.path[len("include/hygge/"):]
        room = tree.owner.get(name)
        if name != UMBRELLA:
            if room is None:
                yield Finding(file.path, 1, "belongs to no room: src/CMakeLists.txt lists it in no HEADERS")
            elif name not in umbrella and room.name not in OTHER_LIBRARIES:
                yield Finding(file.path, 1, f"is not included by {UMBRELLA}")
        for include in file.includes:
            header = public_name(include)
            if header is not None:
                owner = tree.owner.get(header)
                if f"include/hygge/{header}" not in tree.files:
                    yield Finding(file.path, include.line, f"includes <hygge/{header}>, which does not exist")
                elif room and owner and owner.name not in room.may_use and header not in room.also:
                    yield Finding(file.path, include.line,
                                  f"a header of {room.name} may not use <hygge/{header}>, which is {owner.name}'s")
            elif not re.fullmatch(r"[a-z_]+", include.path) and include.path not in OWN_FILES.get(name, ()):
                yield Finding(file.path, include.line, f"includes {include.path}: public headers use std and hygge only")
        for line, text in enumerate(file.code.split("\n"), 1):
            foreign = FOREIGN_NAMES.search(text)
            if foreign:
                yield Finding(file.path, line, f"shows {foreign.group().strip()}: public headers use std and hygge only")


def gorilla_stands_alone(tree):
    for include in tree.files["include/hygge/gorilla.h"].includes:
        if not re.fullmatch(r"[a-z_]+", include.path):
            yield Finding("include/hygge/gorilla.h", include.line, f"includes {include.path}: it needs std only")


def command_and_examples_use_public_headers(tree):
    for folder in ("tools/hygge", "examples"):
        for file in tree.under(folder):
            for include in file.includes:
                header = public_name(include)
                beside = pathlib.PurePosixPath(file.path).parent / include.path
                if header is not None:
                    if f"include/hygge/{header}" not in tree.files:
                        yield Finding(file.path, include.line, f"includes <hygge/{header}>, which is not public")
                elif tree.in_src(include) or "src/" in include.path:
                    if beside.as_posix() not in tree.files:
                        yield Finding(file.path, include.line, f"includes {include.path}: public headers only")


def includes_can_be_read(tree):
    for file in tree.files.values():
        for line in file.unreadable:
            yield Finding(file.path, line, "an #include that is neither <…> nor \"…\" hides what it uses")


def headers_are_included_once(tree):
    for path, file in tree.files.items():
        if path.endswith((".h", ".hpp")) and not re.search(r"^\s*#pragma once\b", file.code, re.MULTILINE):
            yield Finding(path, 1, "has no #pragma once")


def files_say_what_they_are_for(tree):
    """A source may leave it to its own header: one of its name that it includes."""
    for file in tree.under("src") + tree.under("include/hygge") + tree.under("tools/hygge"):
        if re.match(r"//+ ?\S", file.text):
            continue
        stem = pathlib.PurePosixPath(file.path).stem
        own = any(pathlib.PurePosixPath(include.path).name == stem + ".h" for include in file.includes)
        if file.path.endswith(".h") or not own:
            yield Finding(file.path, 1, "does not open with a comment that says what it is for")


def rooms_introduce_themselves(tree):
    for name in tree.rooms:
        path = f"src/{name}/README.md"
        if not (tree.root / path).is_file():
            yield Finding(path, 1, "is missing: what the room is, what it uses and is used by, where to start")
            continue
        lines = (tree.root / path).read_text(encoding="utf-8").strip("\n").split("\n")
        short = name.rpartition("/")[2]
        if len(lines) != 3:
            yield Finding(path, 1, f"has {len(lines)} lines: three say what it is, what it uses, where to start")
        elif not (lines[0].startswith(f"{short}: ") and lines[1].startswith("Uses ") and lines[2].startswith("Start at ")):
            yield Finding(path, 1, f"does not read \"{short}: …\", \"Uses …\", \"Start at …\"")


RULES = [rooms_include_what_they_may, rocksdb_stays_in_its_room, public_headers_show_no_dependency, gorilla_stands_alone,
         command_and_examples_use_public_headers, includes_can_be_read, headers_are_included_once,
         files_say_what_they_are_for, rooms_introduce_themselves]


def findings(root, rooms):
    tree = Tree(root, rooms)
    return sorted(finding for rule in RULES for finding in rule(tree))


def headers_that_do_not_compile(root, compiler, include_dirs):
    """Each public header twice in a file of its own: it has to bring what it needs, and to come once."""
    root = pathlib.Path(root)
    flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", "c++", "-", f"-I{root}/include"]
    flags += [part for folder in include_dirs for part in ("-idirafter", folder)]
    for header in sorted((root / "include/hygge").glob("*.h")):
        line = f"#include <hygge/{header.name}>\n"
        done = subprocess.run([compiler, *flags], input=2 * line, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            reason = next((x for x in done.stderr.split("\n") if "error" in x), done.stderr)
            yield Finding(f"include/hygge/{header.name}", 1, f"does not compile alone: {reason.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("rooms")
    parser.add_argument("--compiler")
    parser.add_argument("--include", action="append", default=[])
    given = parser.parse_args()
    found = findings(given.source, given.rooms)
    if given.compiler:
        found += headers_that_do_not_compile(given.source, given.compiler, given.include)
    for finding in found:
        print(f"{finding.path}:{finding.line}: {finding.text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
