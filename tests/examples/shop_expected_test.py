"""expected.json is what expected.py makes of the recording, and the recording is what it claims.

    shop_expected_test.py SOURCE_DIR
"""

import gzip
import pathlib
import sys
import unittest

SHOP = pathlib.Path(sys.argv.pop(1)).resolve() / "examples" / "shop"
sys.path.insert(0, str(SHOP))
import expected  # noqa: E402


class Expected(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.now = expected.everything()

    def test_the_committed_figures_are_the_computed_ones(self):
        committed = (SHOP / "expected.json").read_text(encoding="ascii").splitlines()
        for at, (old, new) in enumerate(zip(committed, expected.as_text(self.now).splitlines()), 1):
            self.assertEqual(old, new, f"expected.json:{at}")
        self.assertEqual(len(committed), len(expected.as_text(self.now).splitlines()))

    def test_the_recording_is_long_small_and_whole(self):
        about = self.now["recording"]
        self.assertGreaterEqual(about["last_ms"] - about["first_ms"], 40 * 60_000)
        self.assertLess((SHOP / "shop.om.gz").stat().st_size, 2_000_000)
        with gzip.open(SHOP / "shop.om.gz", "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")
        self.assertEqual(lines[-2:], ["# EOF", ""])
        self.assertEqual(sum(not line.startswith("#") for line in lines[:-1]), about["samples"])
        self.assertEqual([one["id"] for one in about["incidents"]], ["outage", "slow-dependency"])

    def test_the_incidents_show_in_the_figures(self):
        verdicts = {one["slo"]: one["verdict"] for one in self.now["reports"]}
        self.assertIn("breached", verdicts.values())
        self.assertIn("met", verdicts.values())
        states = {one["moment"]: one["state"] for one in self.now["burns"]
                  if one["slo"] == "shop-availability"}
        self.assertEqual(states["outage"], "firing")
        self.assertEqual(states["calm"], "ok")
        resets = [one["resets"] for one in self.now["increases"]
                  if one["series"].startswith("http_requests_total{code=\"200\"")
                  and one["window"] == "across-restart"]
        self.assertEqual(set(resets), {1})


class Rules(unittest.TestCase):
    """The plain code itself, on numbers that can be checked by hand."""

    SLO = {"slo": "s", "file": "f", "target": "90", "window": "30d", "step": "1m", "lookback": "1h",
           "since": "1970-01-01T00:00:00Z", "total": "r", "bad": 'r{code="500"}',
           "alerts": [{"factor": "2", "long": "4m", "short": "1m", "as": "page"}]}
    SERIES = {  # a sample each half minute; the process restarts at 150 s; errors are born at 90 s
        'r{code="200",instance="a",job="j"}': [(30_000, 50.0), (60_000, 60.0), (90_000, 70.0),
                                               (120_000, 80.0), (150_000, 5.0), (240_000, 9.0)],
        'r{code="500",instance="a",job="j"}': [(90_000, 2.0), (120_000, 2.0), (150_000, 0.0)],
        'r{code="200",instance="b",job="j"}': [(90_000, 7000.0), (120_000, 7001.0)],
    }

    def test_counts(self):
        slo = {**self.SLO, "since": "1970-01-01T00:00:00Z"}
        reply = expected.report(self.SERIES, slo, 250_000)
        # 10 | 20 + 2 born + 1 of instance b | 5 after the reset | 4 after a slice without data? No:
        # (180 s, 240 s] holds the sample at 240 s, so no slice is empty.
        self.assertEqual((reply["bad"], reply["total"]), (2, 10 + 23 + 5 + 4))
        self.assertEqual(reply["slices"],
                         {"total": 4, "measured": 4, "idle": 0, "no_data": 0, "bridged": 0})
        self.assertEqual(reply["counters"], {"clamped": 0, "resets": 2, "gaps": 0, "born": 1})
        self.assertEqual(reply["verdict"], "met")

    def test_a_slice_without_data_is_bridged_and_not_filled(self):
        series = {"r": [(60_000, 1.0), (210_000, 5.0), (300_000, 5.0)]}
        reply = expected.report(series, {**self.SLO, "bad": "none"}, 300_000)
        self.assertEqual(reply["slices"],
                         {"total": 5, "measured": 1, "idle": 2, "no_data": 2, "bridged": 1})
        self.assertEqual((reply["total"], reply["verdict"]), (4, "insufficient"))

    def test_burn_needs_both_windows(self):
        series = {"r": [(s * 1000, float(s)) for s in range(0, 601, 30)],
                  'r{code="500"}': [(s * 1000, float(max(0, s - 400))) for s in range(0, 601, 30)]}
        at = lambda second: expected.burn(series, self.SLO, second * 1000)["rules"][0]
        self.assertEqual(at(360)["state"], "ok")
        self.assertEqual(at(600)["state"], "firing")
        self.assertEqual((at(600)["long_bad"], at(600)["long_total"]), (200, 440))

    def test_exact_increase_counts_the_leading_step_apart(self):
        samples = [(0, 5.0), (10, 8.0), (20, 2.0), (30, 3.0)]
        self.assertEqual(expected.exact_increase(samples, 5, 30),
                         {"inside": 3, "arriving": 6, "resets": 1})

    def test_extrapolation_stops_at_zero(self):
        # Prometheus: 4 in 20 s, first value 1: zero was 5 s before the first sample.
        window = [(10_000, 1.0), (20_000, 3.0), (30_000, 5.0)]
        self.assertEqual(expected.prometheus_increase(window, 0, 40_000), 4 * (20 + 5 + 10) / 20)


if __name__ == "__main__":
    unittest.main()
