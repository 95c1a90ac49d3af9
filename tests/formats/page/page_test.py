"""The page of `hygge slo report -o FILE.html` as a headless Chromium sees it.

    page_test.py HYGGE SOURCE_DIR

Ends with 77, and says why, where there is no Chromium. axe-core comes from npm and stays in .cache/npm.
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import browser

HYGGE, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
START = 1_793_491_200  # 2026-11-01T00:00Z, a Sunday
DAYS = 16

DEFINITIONS = """
slo: checkout
description: <b>Orders</b> & payments
target: 99
window: 14d
bad: 'r_total{code="500"}'
total: r_total
exclude:
  - {every: "Sun 02:00-03:00", tz: Asia/Tokyo, why: backup}
---
slo: checkout-minutes
target: 95
window: 7d
method: timeslices(5m, 99)
bad: 'r_total{code="500"}'
total: r_total
alerts: [{spend: 2%, long: 1h, short: 5m, as: page}]
"""
# The outage: an hour of the 12th of November.
OUTAGE = (START + 11 * 86400 + 36000, START + 11 * 86400 + 39600)


def samples():
    good = bad = 0
    lines = {"200": [], "500": []}
    for t in range(START, START + DAYS * 86400 + 1, 60):
        failed = 50 if OUTAGE[0] < t <= OUTAGE[1] else 1 if t % 7200 == 0 else 0
        good, bad = good + 100 - failed, bad + failed
        lines["200"].append(f'r_total{{code="200"}} {good} {t}')
        lines["500"].append(f'r_total{{code="500"}} {bad} {t}')
    return "\n".join(["# TYPE r counter", *lines["200"], *lines["500"], "# EOF", ""])


def axe():
    """The source of axe-core, or None."""
    cache = SOURCE / ".cache/npm"
    path = cache / "node_modules/axe-core/axe.min.js"
    if not path.is_file():
        subprocess.run(["npm", "install", "--prefix", cache, "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"],
                       capture_output=True, timeout=120, check=False)
    return path.read_text(encoding="utf-8") if path.is_file() else None


# Pixels of a chart's canvases that have about the colour of a variable of the page.
PAINTED = """
(selector, name) => {
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  let count = 0;
  for (const canvas of document.querySelectorAll(selector + ' canvas')) {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60) ++count;
    }
  }
  return count;
}"""


class ThePage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / "r.om").write_text(samples())
        (cls.folder / "slo.yaml").write_text(DEFINITIONS)
        cls.run_hygge("import", "openmetrics", cls.folder / "r.om", "-q", "-o", "/dev/null")
        cls.file = cls.folder / "page.html"
        done = cls.run_hygge("slo", "report", "--at", "last", "--tz", "Asia/Tokyo", "--by", "week", "-o", cls.file,
                             cls.folder / "slo.yaml")
        assert done.returncode == 0, done.stderr
        cls.text = cls.file.read_text(encoding="utf-8")
        cls.chromium = browser.Browser(browser.find())
        cls.addClassCleanup(cls.chromium.__exit__)

    @classmethod
    def run_hygge(cls, *words):
        return subprocess.run([HYGGE, "--db", cls.folder / "db", *words], capture_output=True, text=True, timeout=120,
                              check=False)

    def open(self, **how):
        page = self.chromium.open(self.file.as_uri(), **how)
        self.addCleanup(lambda: self.assertEqual([], page.complaints()))
        return page

    def painted(self, page, selector, name):
        return page.run(f"({PAINTED})({json.dumps(selector)}, {json.dumps(name)})")

    def test_asks_for_nothing_and_complains_of_nothing(self):
        page = self.open()
        self.assertEqual([self.file.as_uri()], page.requests())
        self.assertEqual([], page.complaints())

    def test_the_policy_names_what_stands_in_the_page(self):
        policy = re.search(r'Content-Security-Policy content="([^"]*)"', self.text).group(1)
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", policy)
        blocks = re.findall(r"<(script|style)>(.*?)</\1>", self.text, re.S)
        self.assertEqual(["style", "script", "script"], [name for name, _ in blocks])
        for name, block in blocks:
            digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
            self.assertRegex(policy, rf"{name}-src [^;]*'sha256-{re.escape(digest)}'")

    def test_what_is_wrong_is_seen(self):
        """The checks of this file can fail: a page with a foreign script and an image of another host."""
        wrong = self.folder / "wrong.html"
        wrong.write_text(self.text.replace("<main>", '<main><script>1</script><img src="http://127.0.0.1:9/x.png" alt="">'))
        page = self.chromium.open(wrong.as_uri())
        self.assertEqual(2, len(page.complaints()), page.complaints())
        page.run("setTimeout(() => { throw Error('thrown') }); new Promise((done) => setTimeout(done, 50))")
        self.assertIn("thrown", page.complaints()[-1])

    def test_paints_both_charts_of_each(self):
        page = self.open()
        for slo in ("checkout", "checkout-minutes"):
            width = page.run(f"document.querySelector('#{slo} .plot').clientWidth")
            self.assertGreater(width, 600)
            self.assertGreater(self.painted(page, f"#{slo} .plot.budget", "budget"), width / 2)
            self.assertGreater(self.painted(page, f"#{slo} .plot.errors", "errors"), 50)
        self.assertEqual(0, self.painted(page, "#checkout .plot.budget", "met"))

    def test_shades_the_outage_and_the_exclusions(self):
        page = self.open()
        bands = page.run("[...document.querySelectorAll('#checkout tr[data-incident]')].map((r) => r.dataset.incident)")
        self.assertEqual([f"{OUTAGE[0]}000 {OUTAGE[1]}000"], bands)
        self.assertEqual(2, page.run("document.querySelectorAll('#checkout tr[data-exclusion]').length"))
        # A shade of the incident's colour behind the line: in the column of the outage, not beside it.
        shade = """(share) => {
          const canvas = document.querySelector('#checkout .plot.errors canvas'), c = canvas.getContext('2d');
          const plot = 62 + 8, x = Math.round(plot + share * (canvas.width - plot - 5));
          const column = c.getImageData(x - 3, 10, 7, 1).data;
          return Math.max(...column.filter((_, i) => i % 4 === 3));
        }"""
        first = START + 2 * 86400
        at = (sum(OUTAGE) / 2 - first) / (14 * 86400)
        self.assertGreater(page.run(f"({shade})({at})"), 20)
        self.assertLess(page.run(f"({shade})({at - 0.1})"), 20)

    def test_steps_stand_where_their_slices_are(self):
        """Of two hours around the outage, whose error ratio is 50 % from its first minute to its last."""
        short = self.folder / "short.yaml"
        short.write_text(DEFINITIONS.split("---")[0].replace("window: 14d", "window: 2h").replace(
            "exclude:", "alerts: none\nexclude:"))
        at, out = OUTAGE[1] + 1800, self.folder / "short.html"
        self.run_hygge("slo", "report", "--at", f"@{at}", "-o", out, short)
        page = self.chromium.open(out.as_uri())
        # The lowest quarter of the plot, half a minute into the slice: what is drawn there but the shade.
        filled = """(share) => {
          const canvas = document.querySelectorAll('#checkout .plot.errors canvas')[0], c = canvas.getContext('2d');
          const left = 62 + 8, x = Math.round(left + share * (canvas.width - left - 5));
          return [...c.getImageData(x, Math.round(canvas.height * 0.6), 1, 1).data];
        }"""
        inside, outside = [], []
        for minute in range(1, 119):
            bad = OUTAGE[0] <= at - 7200 + minute * 60 < OUTAGE[1]
            (inside if bad else outside).append(page.run(f"({filled})({(minute + 0.5) / 120})")[3])
        self.assertEqual(60, len(inside))
        self.assertGreater(min(inside), max(outside) + 20)

    def test_its_tables_say_what_its_charts_show(self):
        page = self.open()
        rows = page.run("[...document.querySelectorAll('#checkout .history tbody tr')]"
                        ".map((r) => [...r.cells].map((c) => c.textContent.trim()))")
        self.assertEqual(960, len(rows))  # 20,160 slices by 21
        self.assertEqual("2026-11-17T09:00+09:00", rows[-1][0])
        budget = [float(row[1]) for row in rows]
        self.assertEqual(sorted(budget, reverse=True), budget)
        worst = [float(row[2]) for row in rows if row[2]]
        self.assertEqual(50, max(worst))
        report = json.loads(self.run_hygge("slo", "report", "--at", "last", "--format", "json", self.folder / "slo.yaml").stdout)
        self.assertAlmostEqual(report["slos"][0]["budget"]["remaining"] * 100, budget[-1], delta=0.006)

    def test_zooms_both_charts_together_and_reads_a_point(self):
        page = self.open()
        labels = ("[...document.querySelectorAll('#checkout .plot.%s .dygraph-axis-label-x')].map((l) => l.textContent)")
        before = page.run(labels % "errors")
        page.run("document.querySelector('#checkout .plot.budget').scrollIntoView()")
        box = page.run("(({x, y, width, height}) => [x, y, width, height])"
                       "(document.querySelector('#checkout .plot.budget').getBoundingClientRect())")
        y = box[1] + box[3] / 2

        def mouse(kind, share, **more):
            page.ask("Input.dispatchMouseEvent", type=kind, x=box[0] + box[2] * share, y=y, **more)
        mouse("mouseMoved", 0.5)
        self.assertRegex(page.run("document.querySelector('#checkout .reading').textContent"),
                         r"^2026-11-\d\d \d\d:\d\d: budget left [\d.]+ %, worst error ratio [\d.]+ %$")
        mouse("mousePressed", 0.5, button="left", clickCount=1)
        for share in (0.55, 0.6, 0.65, 0.7):
            mouse("mouseMoved", share, button="left", buttons=1)
        mouse("mouseReleased", 0.7, button="left", clickCount=1)
        after = page.run(labels % "errors")
        self.assertNotEqual(before, after)
        self.assertEqual(page.run(labels % "budget"), after)

    def test_tables_open_by_key(self):
        page = self.open()
        self.assertFalse(page.run("document.querySelector('#checkout .history details').open"))
        page.run("document.querySelector('#checkout .history summary').focus()")
        for kind in ("keyDown", "keyUp"):
            page.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        self.assertTrue(page.run("document.querySelector('#checkout .history details').open"))
        page.ask("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        self.assertTrue(page.run("document.activeElement.matches('#checkout .history .scroll')"))

    def test_fits_a_narrow_screen(self):
        for width in (320, 380, 700):
            page = self.open(width=width)
            self.assertEqual(width, page.run("document.documentElement.scrollWidth"))
            self.assertGreater(self.painted(page, "#checkout .plot.budget", "budget"), 100)

    def test_follows_the_scheme_and_prints_in_light(self):
        page = self.open(dark=True)
        dark = page.run("getComputedStyle(document.body).backgroundColor")
        self.assertGreater(self.painted(page, "#checkout .plot.budget", "budget"), 200)
        page.media("light")
        self.assertNotEqual(dark, page.run("getComputedStyle(document.body).backgroundColor"))
        page.run("new Promise((done) => setTimeout(done, 100))")
        self.assertGreater(self.painted(page, "#checkout .plot.budget", "budget"), 200)
        page.media("dark", "print")
        self.assertEqual("rgb(255, 255, 255)", page.run("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual("none", page.run("getComputedStyle(document.querySelector('details')).display"))
        pdf = base64.b64decode(page.ask("Page.printToPDF", printBackground=True)["data"])
        self.assertGreater(len(pdf), 20_000)

    def test_is_a_table_without_scripts(self):
        bare = self.folder / "bare.html"
        bare.write_text(re.sub(r"<script>.*?</script>", "", self.text, flags=re.S))
        page = self.chromium.open(bare.as_uri())
        self.assertEqual(960, page.run("document.querySelectorAll('#checkout .history tbody tr').length"))

    def test_axe_finds_nothing(self):
        source = axe()
        if source is None:
            self.skipTest("axe-core cannot be had from npm")
        # All tables open, less their middle: a thousand rows are alike.
        thin = ("document.querySelectorAll('details').forEach((d) => { d.open = true; "
                "d.querySelectorAll('tbody tr').forEach((r, i) => { if (i > 5) r.remove(); }); })")
        for dark in (False, True):
            page = self.open(dark=dark)
            page.run(thin)
            page.ask("Runtime.evaluate", expression=source)
            found = page.run("axe.run(document).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes[0].html))")
            self.assertEqual([], found)
            seen = page.run("axe.run(document).then((r) => r.passes.length)")
            self.assertGreater(seen, 20)
        page.run("document.querySelector('#checkout h2').style.color = '#333'")
        self.assertIn("color-contrast", page.run("axe.run(document).then((r) => r.violations.map((v) => v.id))"))

    def test_twenty_take_less_than_two_megabytes(self):
        one, *_ = DEFINITIONS.split("---")
        many = "---".join(one.replace("slo: checkout", f"slo: checkout-{i}").replace("14d", f"{9 + i % 6}d") for i in range(20))
        (self.folder / "many.yaml").write_text(many)
        out = self.folder / "many.html"
        self.run_hygge("slo", "report", "--at", "last", "-o", out, self.folder / "many.yaml")
        text = out.read_text(encoding="utf-8")
        self.assertEqual(20, text.count("<section id="))
        self.assertLess(len(text.encode()), 2_000_000)


if __name__ == "__main__":
    if browser.find() is None:
        print("skipped: there is no chromium on this machine (tools/packages has it under `browser`)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
