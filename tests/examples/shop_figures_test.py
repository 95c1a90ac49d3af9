"""The command over the recording against figures that were worked out without it.

    shop_figures_test.py HYGGE SOURCE_DIR

expected.json holds answers and reports; series and samples are compared with a plain reading of the
file (examples/shop/expected.py), each one, bit for bit.
"""

import csv
import gzip
import io
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HYGGE = pathlib.Path(sys.argv.pop(1)).resolve()
SHOP = pathlib.Path(sys.argv.pop(1)).resolve() / "examples" / "shop"
sys.path.insert(0, str(SHOP))
import expected  # noqa: E402

OPENMETRICS = SHOP / "shop.om.gz"
EXPECTED = json.loads((SHOP / "expected.json").read_text(encoding="ascii"))


def hygge(*words, stdin=None, exits=(0,)):
    """Runs the command; its standard output. Fails when it exits otherwise than expected."""
    done = subprocess.run([str(HYGGE), *map(str, words)], input=stdin, capture_output=True,
                          timeout=120)
    if done.returncode not in exits:
        raise AssertionError(f"hygge {' '.join(map(str, words))} exits {done.returncode}: "
                             f"{done.stderr.decode(errors='replace')}")
    return done.stdout


def reply(*words, **more):
    return json.loads(hygge(*words, "--format", "json", **more))


class Figures(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="hygge_figures.")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.db = pathlib.Path(cls.folder.name) / "shop.hygge"
        cls.imported = reply("--db", cls.db, "import", "openmetrics", OPENMETRICS)
        cls.series, cls.families = expected.read_recording(OPENMETRICS)
        cls.last_ms = EXPECTED["recording"]["last_ms"]

    def assert_close(self, got, want, where):
        """Every member that is expected is there; whole numbers exact, others within 1e-9."""
        if isinstance(want, dict):
            for key, value in want.items():
                self.assertIn(key, got, where)
                self.assert_close(got[key], value, f"{where}.{key}")
        elif isinstance(want, list):
            self.assertEqual(len(got), len(want), where)
            for i, (one, other) in enumerate(zip(got, want)):
                self.assert_close(one, other, f"{where}.{i}")
        elif isinstance(want, float):
            self.assertIsInstance(got, (int, float), where)
            self.assertTrue(math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-12),
                            f"{where}: {got} is not {want}")
        else:
            self.assertEqual(got, want, where)

    # --- in and out

    def test_import_takes_every_sample(self):
        about = EXPECTED["recording"]
        self.assertEqual(self.imported["samples"], about["samples"])
        self.assertEqual(self.imported["series_new"], about["series"])
        self.assertEqual((self.imported["rejected"], self.imported["duplicates"]), (0, 0))
        with gzip.open(OPENMETRICS, "rb") as file:
            self.assertEqual(self.imported["lines"], file.read().count(b"\n"))

    def test_importing_again_changes_nothing(self):
        db = pathlib.Path(self.folder.name) / "again.hygge"
        hygge("--db", db, "import", "openmetrics", OPENMETRICS)
        before = hygge("--db", db, "export", "--to", "csv")
        again = reply("--db", db, "import", "openmetrics", OPENMETRICS)
        self.assertEqual(again["duplicates"], EXPECTED["recording"]["samples"])
        self.assertEqual((again["samples"], again["series_new"], again["rejected"]), (0, 0, 0))
        self.assertEqual(hygge("--db", db, "export", "--to", "csv"), before)

    def test_series_are_those_of_the_file(self):
        got = {self.key(one["labels"]): (one["samples"], one["from"], one["to"])
               for one in reply("--db", self.db, "series")["series"]}
        want = {self.key(self.labels(text)): (len(samples), samples[0][0], samples[-1][0])
                for text, samples in self.series.items()}
        self.assertEqual(got, want)

    def test_every_sample_comes_out_bit_for_bit(self):
        self.assertEqual(self.samples_of(hygge("--db", self.db, "export", "--to", "csv")),
                         self.samples_of_file())

    def test_openmetrics_goes_round(self):
        text = hygge("--db", self.db, "export", "--to", "openmetrics")
        described = lambda lines: {line for line in lines if line.startswith("# ")}
        with gzip.open(OPENMETRICS, "rt", encoding="utf-8") as file:
            self.assertEqual(described(text.decode().splitlines()),
                             described(file.read().splitlines()))
        copy = pathlib.Path(self.folder.name) / "copy.hygge"
        there = reply("--db", copy, "import", "openmetrics", "--strict", "-", stdin=text)
        self.assertEqual((there["samples"], there["rejected"]),
                         (EXPECTED["recording"]["samples"], 0))
        self.assertEqual(hygge("--db", copy, "export", "--to", "openmetrics"), text)
        self.assertEqual(self.samples_of(hygge("--db", copy, "export", "--to", "csv")),
                         self.samples_of_file())

    def test_csv_goes_round(self):
        text = hygge("--db", self.db, "export", "edge_requests_total", "--to", "csv")
        copy = pathlib.Path(self.folder.name) / "csv.hygge"
        hygge("--db", copy, "import", "csv", "--strict", "-", stdin=text)
        self.assertEqual(hygge("--db", copy, "export", "--to", "csv"), text)

    # --- questions

    def test_queries(self):
        self.assertGreater(len(EXPECTED["queries"]), 50)
        for question in EXPECTED["queries"]:
            where = f"{question['expr']} at {question['moment']}"
            answer = reply("--db", self.db, "query", question["expr"],
                           "--at", f"@{question['at_ms']}")
            rows = {self.key(one["labels"]): one["values"] for one in answer["series"]}
            want = {self.key(row["labels"]): row["value"] for row in question["rows"]}
            self.assertEqual(rows.keys(), want.keys(), where)
            for key, values in rows.items():
                self.assertEqual([t for t, _ in values], [question["at_ms"]], where)
                self.assertTrue(math.isclose(values[0][1], want[key], rel_tol=1e-9, abs_tol=1e-12),
                                f"{where}: {key}: {values[0][1]} is not {want[key]}")

    def test_a_range_is_its_instants(self):
        end, step = self.last_ms // 60_000 * 60_000, 60_000
        times = [end - i * step for i in reversed(range(10))]
        expr = "sum by (code) (rate(edge_requests_total[1m]))"
        ranged = {self.key(one["labels"]): one["values"] for one in reply(
            "--db", self.db, "query", expr, "--at", f"@{end}", "--range", "9m", "--step",
            "1m")["series"]}
        self.assertTrue(ranged)
        points = {(key, t): v for key, values in ranged.items() for t, v in values}
        single = {(self.key(one["labels"]), t): one["values"][0][1] for t in times for one in reply(
            "--db", self.db, "query", expr, "--at", f"@{t}")["series"]}
        self.assertEqual(points, single)

    # --- promises

    def test_reports(self):
        for path in sorted(SHOP.glob("*.yaml")):
            got = {one["slo"]: one for one in reply(
                "--db", self.db, "slo", "report", path, "--at", "last", exits=(1,))["slos"]}
            want = [one for one in EXPECTED["reports"] if one["file"] == path.name]
            self.assertEqual(list(got), [one["slo"] for one in want])
            for one in want:
                figures = {k: v for k, v in one.items() if k not in ("file", "at_ms")}
                self.assert_close(got[one["slo"]], figures, one["slo"])

    def test_burn_rates(self):
        for one in EXPECTED["burns"]:
            exits = {"ok": 0, "firing": 1, "unknown": 3}[one["state"]]
            got = reply("--db", self.db, "slo", "burn", "--only", one["slo"], "--at",
                        f"@{one['at_ms']}", SHOP / one["file"], exits=(exits,))["slos"]
            figures = {k: one[k] for k in ("slo", "state", "rules")}
            self.assert_close(got, [figures], f"{one['slo']} at {one['moment']}")

    def test_lint_finds_nothing_wrong(self):
        for path in sorted(SHOP.glob("*.yaml")):
            for one in reply("--db", self.db, "slo", "lint", path, exits=(0, 1))["slos"]:
                errors = [f for f in one["findings"] if f["level"] == "error"]
                self.assertEqual(errors, [], path.name)

    def test_exact_increases(self):
        """Each counter's increase over whole minutes, as the total of an SLO of its own."""
        from_ms = -(-EXPECTED["recording"]["first_ms"] // 60_000) * 60_000
        to_ms = self.last_ms // 60_000 * 60_000
        counters = sorted({one["series"] for one in EXPECTED["increases"]})
        self.assertGreater(len(counters), 20)
        since = expected.datetime.datetime.fromtimestamp(
            from_ms / 1000, expected.datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = pathlib.Path(self.folder.name) / "counters.yaml"
        path.write_text("---\n".join(
            f"slo: c{i}\ntarget: 50\nkind: counter\nwindow: 30d\nsince: {since}\nalerts: none\n"
            f"total: '{series}'\ngood: '{series}'\n" for i, series in enumerate(counters)))
        got = reply("--db", self.db, "slo", "report", path, "--at", f"@{to_ms}",
                    exits=(0, 3))["slos"]
        for series, one in zip(counters, got, strict=True):
            want = expected.exact_increase(self.series[series], from_ms, to_ms)
            self.assert_close(one["total"], want["arriving"], series)

    # --- reading

    @staticmethod
    def key(labels):
        return tuple(sorted(labels.items()))

    @staticmethod
    def labels(text):
        name, _, inside = text.partition("{")
        return {"__name__": name, **expected.labels_of(inside)}

    def samples_of_file(self):
        return sorted((self.key(self.labels(text)), t, v.hex())
                      for text, samples in self.series.items() for t, v in samples)

    def samples_of(self, text):
        rows = csv.DictReader(io.StringIO(text.decode()))
        return sorted((self.key({"__name__": row["metric"], **expected.labels_of(row["labels"])}),
                       int(row["timestamp_ms"]), float(row["value"]).hex()) for row in rows)


class Lines(unittest.TestCase):
    """What a person sees: the words, not their layout."""

    def test_the_report_says_the_verdict_and_the_budget(self):
        with tempfile.TemporaryDirectory(prefix="hygge_figures.") as folder:
            db = pathlib.Path(folder) / "shop.hygge"
            hygge("--db", db, "import", "openmetrics", OPENMETRICS)
            text = hygge("--db", db, "slo", "report", "--format", "table", "--at", "last",
                         SHOP / "availability.yaml", exits=(1,)).decode()
        for one in EXPECTED["reports"]:
            if one["file"] == "availability.yaml":
                self.assertIn(one["slo"], text)
                self.assertIn(one["verdict"].upper(), text)
                self.assertIn(f"{one['bad']:,} of", re.sub(r" +", " ", text))


if __name__ == "__main__":
    unittest.main()
