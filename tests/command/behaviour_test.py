"""What a text file of commands cannot say: signals, pipes that close, a live writer, damage on disk.

    behaviour_test.py HYGGE SOURCE_DIR
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HYGGE = str(pathlib.Path(sys.argv.pop(1)).resolve())
SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
SHOP = SOURCE / "examples" / "shop" / "shop.om.gz"
NOW_MS = 1_767_225_600_000
TIMEOUT_S = 60

ENV = {key: value for key, value in os.environ.items()
       if not key.startswith(("HYGGE_", "CLICOLOR")) and key not in ("NO_COLOR", "COLUMNS")}


def run(*words, stdin=b"", cwd=None, env=ENV):
    return subprocess.run([HYGGE, *map(str, words)], input=stdin, capture_output=True,
                          timeout=TIMEOUT_S, cwd=cwd, env=env)


def prometheus(count, name="x"):
    return "".join(f"{name} {i} {NOW_MS + i * 1000}\n" for i in range(count)).encode()


class Folder(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="hygge_behaviour.")
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)
        self.db = self.folder / "db"

    def import_shop(self):
        done = run("--db", self.db, "import", "openmetrics", SHOP)
        self.assertEqual(done.returncode, 0, done.stderr)

    def count(self, selector="x"):
        done = run("--db", self.db, "series", selector, "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return sum(one["samples"] for one in json.loads(done.stdout)["series"])

    def start(self, *words, **more):
        process = subprocess.Popen([HYGGE, *map(str, words)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, **more)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def wait_for(self, condition):
        ends = time.monotonic() + TIMEOUT_S
        while time.monotonic() < ends:
            if condition():
                return
            time.sleep(0.01)
        self.fail("it did not come")

    def readable(self, count):
        """Whether a reader beside the writer sees that many samples of x."""
        done = run("--db", self.db, "series", "x", "--format", "json")
        if done.returncode != 0:
            return False
        return sum(one["samples"] for one in json.loads(done.stdout)["series"]) >= count


class Interrupts(Folder):
    def test_write_commits_within_a_second_and_keeps_it_when_interrupted(self):
        writer = self.start("--db", self.db, "write")
        writer.stdin.write(prometheus(500))
        writer.stdin.flush()
        self.wait_for(lambda: self.readable(500))  # a reader works while the writer waits
        writer.stdin.write(prometheus(7, "late"))
        writer.stdin.flush()
        writer.send_signal(signal.SIGINT)
        self.assertEqual(writer.wait(TIMEOUT_S), 130)
        self.assertIn(b"interrupted", writer.stderr.read())
        self.assertEqual(self.count("x"), 500)
        again = run("--db", self.db, "import", "prometheus", "-", stdin=b"y 1\n")
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_import_stops_cleanly_and_keeps_what_was_taken(self):
        importer = self.start("--db", self.db, "import", "prometheus", "-")
        importer.stdin.write(prometheus(50_000))
        importer.stdin.flush()
        self.wait_for(lambda: self.readable(20_000))
        importer.send_signal(signal.SIGTERM)
        self.assertEqual(importer.wait(TIMEOUT_S), 130)
        self.assertGreaterEqual(self.count(), 20_000)
        self.assertEqual(run("--db", self.db, "db", "verify").returncode, 0)

    def test_an_interrupted_answer_leaves_no_half_file(self):
        env = {**ENV, "TMPDIR": str(self.folder)}
        for delay in range(20):  # the database in the temporary folder is still being made
            reader = subprocess.Popen(
                [HYGGE, "query", "x", "--from", "prometheus:-", "-o", str(self.folder / "out.csv")],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            self.addCleanup(self.end, reader)
            # The file beside, the folder.
            self.wait_for(lambda: len(list(self.folder.iterdir())) == 2)
            time.sleep(delay * 0.002)
            reader.send_signal(signal.SIGINT)
            self.assertEqual(reader.wait(TIMEOUT_S), 130, delay)
            self.assertEqual(reader.stderr.read(), b"", delay)
            self.assertEqual(list(self.folder.iterdir()), [], delay)


class Pipes(Folder):
    def test_a_reader_that_leaves_is_no_error(self):
        self.import_shop()
        for words in ("export --to csv", "series", "query up --at last --format json"):
            done = subprocess.run(
                ["bash", "-c", f"{shlex.quote(HYGGE)} --db {self.db} {words} | head -c 1; "
                 "echo ${PIPESTATUS[0]}"], capture_output=True, timeout=TIMEOUT_S, env=ENV)
            self.assertEqual(done.stdout[1:].strip(), b"0", words)
            self.assertEqual(done.stderr, b"", words)

    def test_a_full_disk_is_told(self):
        self.import_shop()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([HYGGE, "--db", self.db, "export", "--to", "csv"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=TIMEOUT_S, env=ENV)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"hygge: no_space: ", done.stderr)

    def test_a_file_is_whole_or_as_it_was(self):
        out = self.folder / "out.csv"
        out.write_text("precious")
        done = run("--db", self.db, "export", "--to", "csv", "-o", out)
        self.assertEqual(done.returncode, 4)  # no such database
        self.assertEqual(out.read_text(), "precious")
        self.import_shop()
        self.assertEqual(run("--db", self.db, "series", "up", "-o", out).returncode, 0)
        self.assertEqual(out.read_text().splitlines()[0], "series,samples,from,to")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["db", "out.csv"])


class Progress(Folder):
    def test_json_lines_say_what_was_acknowledged(self):
        importer = self.start("--db", self.db, "import", "prometheus", "-", "--progress", "json")
        for _ in range(6):
            importer.stdin.write(prometheus(20_000))
            importer.stdin.flush()
            time.sleep(0.3)
        out, err = importer.communicate(timeout=TIMEOUT_S)
        self.assertEqual(importer.returncode, 0, err)
        lines = [json.loads(line) for line in err.decode().splitlines()]
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertEqual(line["schema"], "hygge.progress/1")
            self.assertEqual(line["unit"], "bytes")
        acknowledged = [line["acknowledged"] for line in lines]
        self.assertEqual(acknowledged, sorted(acknowledged))
        self.assertEqual(acknowledged[-1], 120_000)

    def test_a_bar_is_drawn_on_a_terminal_and_goes(self):
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        importer = subprocess.Popen([HYGGE, "--db", str(self.db), "import", "prometheus", "-"],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                    stderr=follower, env={**ENV, "TERM": "xterm"})
        self.addCleanup(self.end, importer)
        os.close(follower)
        importer.stdin.write(prometheus(20_000))
        importer.stdin.flush()
        time.sleep(1.5)
        importer.stdin.close()
        self.assertEqual(importer.wait(TIMEOUT_S), 0)
        text = b""
        try:
            while piece := os.read(leader, 4096):
                text += piece
        except OSError:
            pass
        os.close(leader)
        self.assertRegex(text.decode(), r"import  .*samples, .*/s")
        self.assertTrue(text.endswith(b"\r\x1b[K"), text[-40:])


class Damage(Folder):
    def test_a_damaged_chunk_is_found_told_and_nothing_else_is_lost(self):
        self.import_shop()
        table = max(self.db.glob("store/*.sst"), key=lambda path: path.stat().st_size)
        data = bytearray(table.read_bytes())
        data[len(data) // 3] ^= 0x55
        table.write_bytes(data)
        done = run("--db", self.db, "db", "verify")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(b"DAMAGED", done.stdout)
        report = json.loads(run("--db", self.db, "db", "verify", "--format", "json").stdout)
        self.assertFalse(report["ok"])
        self.assertGreaterEqual(len(report["damage"]), 1)
        done = run("--db", self.db, "export", "--to", "csv")
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"hygge: corruption: ", done.stderr)

    def test_a_read_only_folder_is_told(self):
        self.import_shop()
        before = run("--db", self.db, "export", "--to", "csv").stdout
        prefix = []
        if os.geteuid() == 0:  # root ignores modes
            self.db.chmod(0o755)
            prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            if not shutil.which("setpriv"):
                self.skipTest("setpriv is not there")
            self.folder.chmod(0o755)
            for path in self.db.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)
            probe = subprocess.run([*prefix, HYGGE, "version"], capture_output=True, env=ENV)
            if probe.returncode != 0:
                self.skipTest("another user cannot run the command from here")
        else:
            for path in [self.db, *self.db.rglob("*")]:
                path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            done = subprocess.run([*prefix, HYGGE, "--db", self.db, "import", "prometheus", "-"],
                                  input=b"x 1\n", capture_output=True, timeout=TIMEOUT_S, env=ENV)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(b"hygge: read_only: ", done.stderr)
            read = subprocess.run([*prefix, HYGGE, "--db", self.db, "export", "--to", "csv"],
                                  capture_output=True, timeout=TIMEOUT_S, env=ENV)
            self.assertEqual(read.returncode, 0, read.stderr)  # reading needs no writing
            self.assertEqual(read.stdout, before)
        finally:
            for path in [self.db, *self.db.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)


class Help(Folder):
    def test_every_example_runs(self):
        (self.folder / "examples").symlink_to(SOURCE / "examples")
        (self.folder / "metrics.txt").write_bytes(b"up 1\n")
        (self.folder / "samples.csv").write_text(
            f"metric,labels,timestamp_ms,value,type\nx,{{}},{NOW_MS},1,gauge\n")
        overview = run("help").stdout.decode()
        groups = "data|asking|promises|policy|house|self| {8}"
        verbs = re.findall(rf"^(?:{groups}) {{1,10}}((?:slo |db |rules |codec |rollup |retention )?[a-z]+) {{1,}}",
                           overview, re.M)
        self.assertGreaterEqual(len(verbs), 17)
        examples = [line.strip() for line in overview.split("To start with:")[1].splitlines() if line]
        for verb in verbs:
            text = run("help", *verb.split()).stdout.decode()
            found = [line.strip() for line in
                     text.split("Examples:\n")[1].split("\n\n")[0].splitlines() if line]
            self.assertEqual(len(found), 3, verb)
            examples += found
        env = {**ENV, "PATH": f"{pathlib.Path(HYGGE).parent}:{ENV['PATH']}"}
        # Two databases to compare; the import of the overview comes first.
        examples.sort(key=lambda example: " import " not in example)
        examples.insert(1, "cp -r shop.hygge before.hygge")
        for example in examples:
            if " serve" in example:
                self.serves(example, env)
                continue
            done = subprocess.run(["bash", "-c", example], cwd=self.folder, capture_output=True,
                                  timeout=TIMEOUT_S, env=env, stdin=subprocess.DEVNULL)
            self.assertIn(done.returncode, (0, 1) if " slo " in example else (0,),
                          f"{example}: {done.stderr.decode()}")
            self.assertNotIn(b"hygge: ", done.stderr, example)


    def serves(self, example, env):
        """A server says where it listens, and a signal ends it well."""
        words = "exec " + example.replace("$ ", "") + " --listen 127.0.0.1:0"
        server = subprocess.Popen(["bash", "-c", words], cwd=self.folder, env=env,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            self.assertIn(b"serving ", server.stderr.readline(), example)
            server.terminate()
            self.assertEqual(server.wait(TIMEOUT_S), 0, example)
        finally:
            server.kill()
            server.wait()
            server.stderr.close()


class Killed(Folder):
    def test_while_it_makes_a_database_leaves_one_that_can_be_made(self):
        # In the order in which they come; RocksDB numbers its options files.
        steps = ("store", "store/IDENTITY", "store/CURRENT", "store/OPTIONS-*[0-9]", "log/*.seg", "HYGGE")
        for number, step in enumerate(steps):
            with self.subTest(step):
                db = self.folder / str(number)
                server = self.start("--db", db, "serve", "--listen", "127.0.0.1:0")
                self.wait_for(lambda: any(db.glob(step)))
                server.kill()
                server.wait()
                done = run("--db", db, "import", "prometheus", "-", stdin=prometheus(3))
                self.assertEqual(done.returncode, 0, done.stderr)
                done = run("--db", db, "db", "verify", "--deep")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                done = run("--db", db, "query", "sum(count_over_time(x[1h]))", "--at", "last", "--format", "csv")
                self.assertTrue(done.stdout.endswith(b",3\n"), done.stdout + done.stderr)


class Remote(Folder):
    def test_the_lookback_reaches_the_server(self):
        done = run("--db", self.db, "import", "prometheus", "-", stdin=prometheus(3))
        self.assertEqual(done.returncode, 0, done.stderr)
        server = self.start("--db", self.db, "serve", "--listen", "127.0.0.1:0")
        url = server.stderr.readline().decode().split(" at ")[-1].strip()
        later = f"@{(NOW_MS + 2_000) // 1000 + 1_800}"
        for lookback, found in (((), False), (("--lookback", "1h"), True), (("--lookback", "10m"), False)):
            done = run("query", "x", "--url", url, "--at", later, "--format", "csv", *lookback)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.endswith(b",2\n"), found, done.stdout + done.stderr)


class Locked(Folder):
    def test_the_holder_is_named(self):
        writer = self.start("--db", self.db, "write")
        writer.stdin.write(prometheus(10))
        writer.stdin.flush()
        self.wait_for(lambda: self.readable(10))
        done = run("--db", self.db, "db", "compact")
        self.assertEqual(done.returncode, 5)
        self.assertIn(f"process {writer.pid}".encode(), done.stderr)


if __name__ == "__main__":
    unittest.main()
