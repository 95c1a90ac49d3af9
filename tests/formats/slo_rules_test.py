"""Rules written for Prometheus, as promtool 2.42 reads and runs them.

    slo_rules_test.py HYGGE SOURCE_DIR

Over the same samples Prometheus' alerts must fire where the replay of `hygge slo backtest` does, give or take a
step. Ends with 77 where promtool cannot be had.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HYGGE, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
BASE = 1_700_006_400  # seconds; a whole hour
MINUTES = 600
# Of a hundred requests a minute: nothing, an outage, quiet, a slow burn, a second outage that is half as bad.
BAD = {**{m: 100 for m in range(120, 140)}, **{m: 4 for m in range(200, 380)}, **{m: 50 for m in range(450, 480)}}

DEFINITIONS = """
slo: checkout
service: shop
target: 99
window: 30d
bad: 'r_total{code="500"}'
total: r_total
alerts:
  - {spend: 2%, long: 1h, short: 5m, as: page}
  - {factor: 3, long: 2h, short: 10m, as: ticket, op: gte, min_bad: 300}
  - {factor: 30, long: 30m, as: page}
"""


def promtool():
    done = subprocess.run([SOURCE / "tools/peers", "prometheus"], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        print("skipped: promtool cannot be had:", done.stderr.strip())
        sys.exit(77)
    return pathlib.Path(done.stdout.strip()) / "promtool"


class TheRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / "slo.yaml").write_text(DEFINITIONS)
        good, bad = [0], [0]
        for minute in range(1, MINUTES + 1):
            failed = BAD.get(minute, 0)
            good.append(good[-1] + 100 - failed)
            bad.append(bad[-1] + failed)
        cls.series = {"200": good, "500": bad}

    def hygge(self, *words):
        done = subprocess.run([HYGGE, *words], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def promtool(self, *words):
        done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=120, check=False, cwd=self.folder)
        return done.returncode, done.stdout + done.stderr

    def rules(self):
        (self.folder / "rules.yml").write_text(self.hygge("slo", "rules", "--to", "prometheus", self.folder / "slo.yaml"))

    def test_are_rules_to_promtool(self):
        self.rules()
        code, text = self.promtool("check", "rules", "rules.yml")
        self.assertEqual(0, code, text)
        self.assertIn("SUCCESS: 8 rules found", text)
        files = [SOURCE / "examples/shop" / name for name in ("availability.yaml", "latency.yaml")]
        (self.folder / "shop.yml").write_text(self.hygge("slo", "rules", "--partial", *files))
        code, text = self.promtool("check", "rules", "shop.yml")
        self.assertEqual(0, code, text)

    def firings(self):
        """By rule: the minutes at which the replay fires."""
        lines = ["# TYPE r counter"]
        for code, values in self.series.items():
            lines += [f'r_total{{code="{code}"}} {value} {BASE + minute * 60}' for minute, value in enumerate(values)]
        (self.folder / "r.om").write_text("\n".join([*lines, "# EOF", ""]))
        reply = json.loads(self.hygge("--from", f"openmetrics:{self.folder}/r.om", "slo", "backtest", "--at", f"@{BASE + MINUTES * 60}",
                                      "--format", "json", self.folder / "slo.yaml"))
        out = []
        for rule in reply["slos"][0]["policies"][0]["rules"]:
            on = set()
            for one in rule["firings"]:
                minute = lambda ms: MINUTES + 1 if ms is None else (ms // 1000 - BASE) // 60
                on |= set(range(minute(one["from_ms"]), minute(one["to_ms"])))
            out.append(on)
        return out

    def test_fire_where_the_replay_does(self):
        self.rules()
        firings = self.firings()
        self.assertTrue(all(firings), firings)
        self.assertEqual(3, len(firings))
        labels = ["as: page, long: 1h, short: 5m", "as: ticket, long: 2h, short: 10m", "as: page, long: 30m, short: 30m"]
        checks = []
        for minute in range(60, MINUTES - 1):
            near = [{m in on for m in (minute - 1, minute, minute + 1)} for on in firings]
            if any(len(one) > 1 for one in near):
                continue  # within a step of a change
            expected = [f'{{exp_labels: {{slo: checkout, service: shop, {rule}}}}}'
                        for rule, on in zip(labels, firings) if minute in on]
            checks.append(f"      - {{eval_time: {minute}m, alertname: SloBurn, exp_alerts: [{', '.join(expected)}]}}")
        self.assertGreater(len(checks), 480)
        series = "\n".join(f"""      - series: 'r_total{{code="{code}"}}'\n        values: '{" ".join(map(str, values))}'"""
                           for code, values in self.series.items())
        test = (f"rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{series}\n"
                "    alert_rule_test:\n" + "\n".join(checks) + "\n")
        (self.folder / "test.yml").write_text(test)
        code, text = self.promtool("test", "rules", "test.yml")
        self.assertEqual(0, code, text[:3000])
        # It would be seen if they did not: one expectation the other way round.
        wrong = test.replace("exp_alerts: []", "exp_alerts: [{exp_labels: {slo: checkout, service: shop, as: page, long: 1h, short: 5m}}]", 1)
        (self.folder / "test.yml").write_text(wrong)
        self.assertEqual(1, self.promtool("test", "rules", "test.yml")[0])


if __name__ == "__main__":
    PROMTOOL = promtool()
    unittest.main(argv=sys.argv[:1])
