"""The rules of architecture.py hold, and each is seen to break where it is broken on purpose.

    architecture_test.py SOURCE_DIR ROOMS COMPILER [INCLUDE_DIR…]
"""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import architecture

SOURCE = pathlib.Path(sys.argv[1]).resolve()
ROOMS = pathlib.Path(sys.argv[2]).resolve()
COMPILER = sys.argv[3]
INCLUDE_DIRS = sys.argv[4:]
FOLDERS = ("src", "include", "tools/hygge", "examples")


class TheProject(unittest.TestCase):
    def test_keeps_every_rule(self):
        found = architecture.findings(SOURCE, ROOMS)
        self.assertEqual([], [f"{f.path}:{f.line}: {f.text}" for f in found])

    def test_is_read_at_all(self):
        tree = architecture.Tree(SOURCE, ROOMS)
        self.assertGreater(len(tree.rooms), 10)
        self.assertGreater(len(tree.under("include/hygge")), 10)
        for room in tree.rooms:
            includes = [i for file in tree.under(f"src/{room}") for i in file.includes]
            self.assertTrue(includes, f"no include is seen in {room}")
        rocksdb = [i.path for file in tree.under("src") for i in file.includes if i.path.startswith("rocksdb/")]
        self.assertTrue(rocksdb, "the store's own includes of RocksDB are not seen")

    def test_public_headers_compile_alone(self):
        found = list(architecture.headers_that_do_not_compile(SOURCE, COMPILER, INCLUDE_DIRS))
        self.assertEqual([], found)


class ABreach(unittest.TestCase):
    """Each test changes a copy of the project and wants exactly the finding that names the change."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.clean = pathlib.Path(folder.name)
        for name in FOLDERS:
            for path in (SOURCE / name).rglob("*"):
                if path.is_file() and path.suffix in architecture.CXX + (".md",):
                    to = cls.clean / path.relative_to(SOURCE)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, to)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "project"
        shutil.copytree(self.clean, self.root, copy_function=os.link)

    def test_is_not_seen_where_there_is_none(self):
        self.assertEqual([], self.found())

    def found(self):
        return architecture.findings(self.root, ROOMS)

    def write(self, path, text):
        """A new file under the name: the old one is shared with the other tests."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).unlink(missing_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def plant(self, room, text):
        """A header of `room` with nothing wrong but `text`."""
        path = f"src/{room}/planted.h"
        self.write(path, "// Planted.\n#pragma once\n" + text)
        return path

    def append(self, path, text):
        self.write(path, (self.root / path).read_text(encoding="utf-8") + text)

    def expect(self, path, *words):
        found = self.found()
        self.assertEqual(1, len(found), found)
        self.assertEqual(path, found[0].path)
        for word in words:
            self.assertIn(word, found[0].text)
        return found[0]

    def test_a_room_that_looks_upwards(self):
        path = self.plant("model", '#include "base/bytes.h"\n#include "storage/index/index.h"\n')
        self.assertEqual(4, self.expect(path, "room model may not use storage/index").line)

    def test_a_room_that_looks_aside(self):
        self.expect(self.plant("storage/head", '#include "storage/index/index.h"\n'),
                    "storage/head may not use storage/index")

    def test_a_room_that_looks_upwards_in_angle_brackets(self):
        self.expect(self.plant("base", "#include <model/canonical.h>\n"), "base may not use model")

    def test_spaces_do_not_hide_an_include(self):
        self.expect(self.plant("base", '  #  include   "model/canonical.h" // why not\n'), "base may not use model")

    def test_a_macro_does_not_hide_an_include(self):
        self.expect(self.plant("base", "#include HYGGE_HEADER\n"), "hides what it uses")

    def test_an_include_in_a_comment_is_none(self):
        self.plant("base", '/*\n#include "model/canonical.h"\n*/\n// #include <rocksdb/db.h>\n')
        self.assertEqual([], self.found())

    def test_code_behind_a_string_or_a_digit_separator_is_still_read(self):
        path = self.plant("base", "constexpr int kMany = 1'000;\nconst char* const kText = \"/* // ' \\\"\";\n"
                          'const char* const kRaw = R"x(" /* )x";\n#include "model/canonical.h"\n')
        self.assertEqual(6, self.expect(path, "base may not use model").line)

    def test_a_public_header_of_a_room_above(self):
        self.expect(self.plant("codec", "#include <hygge/db.h>\n"), "codec may not use <hygge/db.h>", "storage/db")

    def test_a_public_header_of_a_room_above_beside_the_one_allowed(self):
        path = self.plant("formats", "#include <hygge/slo.h>\n#include <hygge/promql.h>\n")
        self.expect(path, "formats may not use <hygge/promql.h>")

    def test_a_room_that_includes_everything(self):
        self.expect(self.plant("slo", "#include <hygge/hygge.h>\n"), "hygge.h")

    def test_a_path_that_does_not_begin_in_src(self):
        self.expect(self.plant("storage/index", '#include "label_table.h"\n'), "paths begin in src/")

    def test_a_folder_that_is_no_room(self):
        self.write("src/extra/thing.h", "// A thing.\n#pragma once\n")
        self.expect("src/extra/thing.h", "belongs to no room")

    def test_rocksdb_outside_the_store(self):
        self.expect(self.plant("storage/db", "#include <rocksdb/db.h>\n"), "only storage/store")

    def test_a_type_of_rocksdb_outside_the_store(self):
        self.expect(self.plant("storage/db", "namespace rocksdb {\nclass DB;\n}\n"), "names a type of RocksDB")

    def test_rocksdb_in_the_command(self):
        self.write("tools/hygge/extra.cc", "// A verb.\n#include <rocksdb/db.h>\n")
        self.expect("tools/hygge/extra.cc", "only storage/store")

    def test_a_dependency_in_a_public_header(self):
        for header in ("rocksdb/db.h", "fmt/format.h", "re2/re2.h", "roaring/roaring.hh", "nlohmann/json.hpp",
                       "yaml-cpp/yaml.h", "xxhash.h", "tl/expected.hpp"):
            with self.subTest(header=header):
                path = self.root / "include/hygge/view.h"
                before = path.read_text()
                self.append("include/hygge/view.h", f"#include <{header}>\n")
                found = [f for f in self.found() if "public headers use std and hygge only" in f.text]
                self.assertEqual(["include/hygge/view.h"], [f.path for f in found])
                self.write(path, before)

    def test_a_type_of_a_dependency_in_a_public_header(self):
        for text in ("namespace rocksdb { class DB; }", "fmt::memory_buffer* out;", "class RE2;", "re2::RE2* regex;",
                     "class Roaring;", "roaring::Roaring* ids;", "nlohmann::json* json;", "namespace YAML { class Node; }"):
            with self.subTest(text=text):
                path = self.root / "include/hygge/view.h"
                before = path.read_text()
                self.append("include/hygge/view.h", text + "\n")
                self.expect("include/hygge/view.h", "shows ")
                self.write(path, before)

    def test_the_name_of_a_dependency_in_a_docstring_is_none(self):
        self.append("include/hygge/view.h", "/// Its regex is RE2's; nothing of rocksdb::DB is seen.\n")
        self.assertEqual([], self.found())

    def test_a_public_header_that_uses_src(self):
        self.append("include/hygge/view.h", '#include "base/bytes.h"\n')
        self.expect("include/hygge/view.h", "public headers use std and hygge only")

    def test_a_public_header_that_looks_upwards(self):
        self.append("include/hygge/labels.h", "#include <hygge/db.h>\n")
        self.expect("include/hygge/labels.h", "a header of model may not use <hygge/db.h>")

    def test_a_public_header_of_no_room(self):
        self.write("include/hygge/extra.h", "// Extra.\n#pragma once\n")
        self.expect("include/hygge/extra.h", "belongs to no room")

    def test_a_public_header_that_the_umbrella_lacks(self):
        path = self.root / "include/hygge/hygge.h"
        self.write(path, path.read_text().replace("#include <hygge/view.h>\n", ""))
        self.expect("include/hygge/view.h", "not included by hygge.h")

    def test_a_gorilla_that_needs_more_than_std(self):
        self.append("include/hygge/gorilla.h", "#include <hygge/time.h>\n")
        self.expect("include/hygge/gorilla.h", "std only")

    def test_a_command_that_reaches_into_src(self):
        self.write("tools/hygge/extra.cc", '// A verb.\n#include "storage/db/db_impl.h"\n')
        self.expect("tools/hygge/extra.cc", "public headers only")

    def test_an_example_that_reaches_into_src(self):
        self.write("examples/embed/extra.cc", '// More.\n#include "../../src/base/bytes.h"\n')
        self.expect("examples/embed/extra.cc", "public headers only")

    def test_an_example_that_uses_a_header_that_is_not_public(self):
        self.write("examples/embed/extra.cc", "// More.\n#include <hygge/secret.h>\n")
        self.expect("examples/embed/extra.cc", "not public")

    def test_a_room_without_a_readme(self):
        (self.root / "src/codec/README.md").unlink()
        self.expect("src/codec/README.md", "is missing")

    def test_a_readme_of_four_lines(self):
        self.append("src/codec/README.md", "And more.\n")
        self.expect("src/codec/README.md", "has 4 lines")

    def test_a_readme_that_says_something_else(self):
        self.write("src/codec/README.md", "codec: samples to bytes.\nIt is fast.\nStart at envelope.h.\n")
        self.expect("src/codec/README.md", "Uses")

    def test_a_header_without_an_opening_comment(self):
        self.write("src/base/planted.h", "#pragma once\n")
        self.expect("src/base/planted.h", "does not open with a comment")

    def test_a_source_that_no_header_speaks_for(self):
        self.write("src/base/extra.cc", '#include "base/bytes.h"\n')
        self.expect("src/base/extra.cc", "does not open with a comment")

    def test_a_source_that_its_header_speaks_for_is_none(self):
        self.plant("base", "")
        self.write("src/base/planted.cc", '#include "base/planted.h"\n')
        self.assertEqual([], self.found())

    def test_a_header_that_may_come_twice(self):
        self.write("src/base/planted.h", "// Planted.\n")
        self.expect("src/base/planted.h", "#pragma once")

    def test_a_public_header_that_lacks_what_it_uses(self):
        for header in (self.root / "include/hygge").glob("*.h"):
            if header.name not in ("time.h", "clock.h", "error.h"):
                header.unlink()
        path = self.root / "include/hygge/clock.h"
        self.write(path, path.read_text() + "inline std::regex numbers;\n")
        found = list(architecture.headers_that_do_not_compile(self.root, COMPILER, INCLUDE_DIRS))
        self.assertEqual(["include/hygge/clock.h"], [f.path for f in found])
        self.assertIn("regex", found[0].text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
