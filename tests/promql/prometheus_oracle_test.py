#!/usr/bin/env python3
"""Asks Prometheus 2.42 and hygge the same questions over the same random samples.

    prometheus_oracle_test.py --hygge COMMAND --source DIR [--seed N]

DIR is hygge's source tree, whose tools/peers fetches Prometheus. Samples go to both as one
OpenMetrics text. What 2.42 does otherwise is taken out of the way:

  * its windows and its lookback are closed on the left: sample times are never whole seconds while
    all edges are, and it runs with a lookback of 4m59.999s; a second set of samples on whole seconds
    is asked with [d - 1ms];
  * rate and increase go back to the counter's zero before they halve a long gap, not after:
    where the two differ, this script computes both forms from the samples.

Ends with 0 when all answers agree, with 77 when Prometheus cannot be had.
"""

import argparse
import json
import math
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = 1_700_000_000  # seconds; a multiple of no step
LENGTH = 2 * 3600
MIDNIGHT = 1_700_006_400
DAYS = 3
TOLERANCE = 1e-11
LOOSE = 1e-8  # sums of squares, and averages near 0, in another order


class Data:
    """Random series: {labels text: [(ms, value)]} per family."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.families = []  # (family, type, [(sample name, labels, samples)])
        self.counters()
        self.gauges()
        self.high_counters()
        self.histogram("took", 0)
        self.histogram("high", 1_000_000_000)
        self.aligned()
        self.days()

    def times(self, aligned=False):
        t = BASE * 1000 + self.random.randrange(60_000)
        while t < (BASE + LENGTH) * 1000:
            t += self.random.choice([5_000, 15_000, 15_000, 15_000, 31_000])
            if self.random.random() < 0.01:
                t += self.random.choice([290_000, 400_000, 900_000])
            if aligned:
                yield t // 1000 * 1000
            else:
                yield t // 1000 * 1000 + self.random.randrange(1, 1000)

    def counters(self):
        series = []
        for job in ("a", "b"):
            for code in ("200", "404", "500"):
                value = float(self.random.choice([0, 0, 5, 1e6]))
                samples = []
                for t in self.times():
                    value += self.random.choice([0, 1, 1, 7, 0.5, 250])
                    if self.random.random() < 0.02:
                        value = float(self.random.choice([0, 3]))
                    samples.append((t, value))
                series.append(("req_total", f'job="{job}",code="{code}"', samples))
        self.families.append(("req", "counter", series))
        self.families.append(("errs", "counter",
                              [("errs_total", labels, samples[::2])
                               for _, labels, samples in series if "500" not in labels]))

    def high_counters(self):
        """Never near their zero: inside other expressions, where explain() cannot look."""
        series = []
        for job in ("a", "b"):
            for code in ("200", "500"):
                value = 1e9
                samples = []
                for t in self.times():
                    value += self.random.choice([0, 1, 1, 7, 0.5, 250])
                    samples.append((t, value))
                series.append(("high_total", f'job="{job}",code="{code}"', samples))
        self.families.append(("high", "counter", series))

    def gauges(self):
        series = []
        for job in ("a", "b", "c"):
            for instance in ("1", "2"):
                samples = []
                for t in self.times():
                    value = round(self.random.uniform(-50, 50), 2)
                    if self.random.random() < 0.02:
                        value = self.random.choice([math.nan, 0.0, -0.0])
                    if job == "c":
                        value = float(self.random.randrange(4))
                    samples.append((t, value))
                series.append(("temp", f'job="{job}",instance="{instance}"', samples))
        self.families.append(("temp", "gauge", series))
        self.families.append(("infinite", "gauge",
                              [("infinite", 'job="a"',
                                [(t, self.random.choice([1.0, 2.0, math.inf, -math.inf, math.nan]))
                                 for t in self.times()])]))
        self.families.append(("limit", "gauge",
                              [("limit", f'job="{job}"',
                                [(t, {"a": 10.0, "b": -5.0}[job]) for t in self.times()])
                               for job in ("a", "b")]))
        self.families.append(("weird", "gauge",
                              [("weird", 'path="/x\\\\y \\"q\\" é",job="a"',
                                [(t, 1.0) for t in self.times()])]))

    def histogram(self, name, start):
        series = []
        for job in ("a", "b"):
            counts = [start] * 5
            rows = {bound: [] for bound in ("0.1", "0.5", "1", "5", "+Inf")}
            for t in self.times():
                for _ in range(self.random.randrange(6)):
                    for i in range(self.random.randrange(5), 5):
                        counts[i] += 1
                for i, bound in enumerate(rows):
                    rows[bound].append((t, float(counts[i])))
            for bound, samples in rows.items():
                series.append((f"{name}_bucket", f'job="{job}",le="{bound}"', samples))
        self.families.append((f"{name}_bucket", "unknown", series))

    def aligned(self):
        for name in ("even_total", "even"):
            value = 100.0
            samples = []
            for t in self.times(aligned=True):
                value = value + self.random.choice([0, 1, 5]) if name == "even_total" \
                    else float(self.random.randrange(-9, 9))
                if not samples or t > samples[-1][0]:
                    samples.append((t, value))
            family = name.removesuffix("_total")
            kind = "counter" if name.endswith("_total") else "gauge"
            self.families.append(("evenc" if kind == "counter" else family, kind,
                                  [("evenc_total" if kind == "counter" else name, 'job="a"',
                                    samples)]))

    def days(self):
        """Whole days, which hygge seals and then answers from cells."""
        counters, gauges = [], []
        for job in ("a", "b", "c"):
            count, level = 0.0, 20.0
            of_counter, of_gauge = [], []
            for minute in range(DAYS * 24 * 60):
                if self.random.random() < 0.002:
                    continue
                t = (MIDNIGHT + minute * 60) * 1000 + self.random.randrange(1, 50_000)
                count = 0.0 if self.random.random() < 0.001 else count + self.random.randrange(90)
                level += round(self.random.uniform(-2, 2), 1)
                of_counter.append((t, count))
                of_gauge.append((t, level))
            counters.append(("day_total", f'job="{job}"', of_counter))
            gauges.append(("level", f'job="{job}"', of_gauge))
        self.families.append(("day", "counter", counters))
        self.families.append(("level", "gauge", gauges))

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for family, kind, series in self.families:
                out.write(f"# TYPE {family} {kind}\n")
                for name, labels, samples in series:
                    for t, value in samples:
                        text = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))
                        text = "NaN" if math.isnan(value) else text
                        out.write(f"{name}{{{labels}}} {text} {t // 1000}.{t % 1000:03}\n")
            out.write("# EOF\n")

    def samples_of(self, name, labels):
        wanted = sorted(f'{k}="{v}"' for k, v in labels.items())
        for _, _, series in self.families:
            for sample_name, text, samples in series:
                if sample_name == name and sorted(text.split(",")) == wanted:
                    return samples
        return []


# --- questions ------------------------------------------------------------------------------------

WINDOWS = ["1m", "5m", "31m"]
COUNTER_FUNCTIONS = ["rate", "increase", "irate", "resets", "changes"]
GAUGE_FUNCTIONS = ["delta", "idelta", "changes", "resets", "deriv", "avg_over_time",
                   "sum_over_time", "min_over_time", "max_over_time", "count_over_time",
                   "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time"]
OPERATORS = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="]
COMPARISONS = OPERATORS[6:]


def questions():
    for window in WINDOWS:
        for function in COUNTER_FUNCTIONS:
            yield f"{function}(req_total[{window}])"
        for function in GAUGE_FUNCTIONS:
            yield f"{function}(temp[{window}])"
            if function not in ("stddev_over_time", "stdvar_over_time", "avg_over_time", "deriv"):
                yield f"{function}(infinite[{window}])"
        for q in ("0", "0.25", "0.5", "0.99", "1", "-1", "2"):
            yield f"quantile_over_time({q}, temp[{window}])"
        yield f"predict_linear(temp[{window}], 600)"
        yield f"predict_linear(req_total[{window}] offset 3m, 60)"
        yield f"absent_over_time(temp[{window}])"
        yield f'absent_over_time(temp{{job="none",x=~"y"}}[{window}])'
        yield f"sum by (job) (rate(high_total[{window}]))"
        yield f'sum(increase(high_total{{code="500"}}[{window}])) / sum(increase(high_total[{window}]))'
    for aggregation in ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"):
        # 2.42 takes the deviation of a single NaN for 0.
        temp = "temp == temp" if aggregation.startswith("std") else "temp"
        yield f"{aggregation}({temp})"
        yield f"{aggregation} by (job) ({temp})"
        yield f"{aggregation} without (instance) ({temp})"
        yield f"{aggregation}(rate(high_total[5m])) by (code)"
    for q in ("0.1", "0.5", "0.9", "1.5"):
        yield f"quantile by (job) ({q}, temp)"
    for k in ("1", "3", "100"):
        # Without ties: no equal values, no two zeros or NaNs.
        yield f"topk({k}, temp{{job!='c'}} > -100 != 0)"
        yield f"bottomk({k}, temp{{job!='c'}} > -100 != 0) by (job)"
    yield 'count_values("v", temp{job="c"})'
    for operator in OPERATORS:
        yield f"temp {operator} 3"
        yield f"7 {operator} temp"
        yield f"req_total {operator} errs_total"
        yield f"req_total {operator} ignoring (code) group_left limit"
        yield f"limit {operator} on (job) group_right req_total"
        yield f"sum by (job) (temp) {operator} on (job) limit"
    for operator in COMPARISONS:
        yield f"temp {operator} bool 3"
        yield f"req_total {operator} bool errs_total"
        yield f"1 {operator} bool 2"
    yield "3 ^ 2 ^ 0.5 - -2 ^ 2 + 7 % -3 / 2 * 4"
    yield "temp and on (job) limit"
    yield "temp unless on (job) limit"
    yield "limit or temp"
    yield "limit or on (job) temp"
    yield "req_total and errs_total"
    yield "req_total unless errs_total"
    yield 'temp{job!="a"} or temp{job=~"a|b"} * 2'
    for selector in ('temp{job="a"}', 'temp{job!="a"}', 'temp{job=~"a|c"}', 'temp{job!~"a|c"}',
                     '{__name__=~"temp|limit",job="a"}', 'temp{nothing=""}', "temp offset 7m",
                     "temp offset -2m", f"temp @ {BASE + 3600}", "temp @ start()", "temp @ end()",
                     'weird', 'weird{path=~".*é"}', "nothing_here"):
        yield selector
    yield f"rate(high_total[5m] @ {BASE + 1800})"
    yield f"sum_over_time(temp[10m] @ {BASE + 1800} offset 1m) + temp"
    for function in ("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deg",
                     "rad", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
                     "asinh", "acosh", "atanh", "round", "timestamp", "-", "+", "sort",
                     "sort_desc"):
        yield f"{function}(temp)"
    for function in ("minute", "hour", "day_of_week", "day_of_month", "day_of_year",
                     "days_in_month", "month", "year"):
        # A NaN is whatever date Go's conversion to an integer makes of it.
        yield f"{function}(temp == temp)"
        yield f"{function}(timestamp(temp) * 17.3)"
        yield f"{function}()"
    yield "round(temp, 0.3)"
    yield "clamp(temp, -10, 20)"
    yield "clamp(temp, 20, -10)"
    yield "clamp_min(temp, 0)"
    yield "clamp_max(temp, 0)"
    yield "vector(3)"
    yield "scalar(limit) + time()"
    yield 'scalar(limit{job="a"}) * temp'
    yield "absent(nothing_here{a=\"b\"})"
    yield "absent(temp)"
    yield "absent(sum(nothing_here))"
    yield 'label_replace(temp, "new", "$1-x", "job", "(.*)")'
    yield 'label_replace(limit, "job", "", "job", "a")'
    yield 'label_join(temp, "new", "/", "job", "instance", "none")'
    for q in ("0", "0.1", "0.5", "0.9", "0.999", "1", "2"):
        yield f"histogram_quantile({q}, took_bucket)"
        yield f"histogram_quantile({q}, sum by (le) (rate(high_bucket[5m])))"
    # The offset keeps the grid of the subquery off the windows' edges.
    yield "max_over_time(temp[20m:1m] offset 1ms)"
    yield "sum_over_time((temp > 0)[20m:30s] offset 60001ms)"
    yield "max_over_time(sum(rate(high_total[2m]))[15m:90s] offset 1ms)"
    yield "rate(high_total[5m:30s] offset 1ms)"
    yield "sum(temp) by (job) / on (job) count by (job) (temp)"


def refused():
    """Both must say no."""
    yield "rate(temp)"
    yield "sum(temp[5m])"
    yield "temp + on (job) temp"
    yield "temp * on (job) group_left limit * on (instance) temp"
    yield "req_total / on (job) errs_total"
    yield 'label_replace(temp, "job", "", "instance", "1")'
    yield "topk(scalar(nothing_here), temp)"
    yield '{job="a"} * 2'
    yield "1 > 2"
    yield "foo{"
    yield '{a=~".*"}'


def instants():
    for offset in (0, 1, 299, 300, 301, 1800, 3601, 5400, LENGTH, LENGTH + 250, LENGTH + 4000):
        yield BASE + offset


def ranges():
    yield BASE - 400, BASE + LENGTH + 700, 60
    yield BASE + 1000, BASE + 3000, 7
    yield BASE, BASE + LENGTH, 600


# --- the two sides --------------------------------------------------------------------------------

class Prometheus:
    def __init__(self, peers, folder, samples):
        data = os.path.join(folder, "prometheus")
        subprocess.run([os.path.join(peers, "promtool"), "tsdb", "create-blocks-from",
                        "openmetrics", samples, data], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as out:
            out.write("global: {}\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(os.path.join(folder, "prometheus.log"), "wb")
        self.process = subprocess.Popen(
            [os.path.join(peers, "prometheus"), f"--config.file={config}",
             f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=100y",
             f"--web.listen-address=127.0.0.1:{port}", "--query.lookback-delta=299999ms",
             "--enable-feature=promql-negative-offset,promql-at-modifier"],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(self.url + "/-/ready", timeout=2):
                    return
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError("prometheus does not start") from error
                time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def ask(self, text, when):
        if isinstance(when, tuple):
            path, form = "query_range", {"start": when[0], "end": when[1], "step": when[2]}
        else:
            path, form = "query", {"time": when}
        form["query"] = text
        body = urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", body, timeout=60) as reply:
                result = json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            return json.load(error)["error"]
        if result["resultType"] in ("scalar", "string"):
            return {(): {round(result["result"][0] * 1000): float(result["result"][1])}}
        answer = {}
        for series in result["result"]:
            values = series.get("values") or [series["value"]]
            answer[tuple(sorted(series["metric"].items()))] = {
                round(t * 1000): float(v) for t, v in values}
        return answer


class Hygge:
    def __init__(self, command, folder, samples):
        self.command = command
        self.stats = {}  # of the last answer
        self.db = os.path.join(folder, "hygge")
        subprocess.run([command, "--db", self.db, "import", "openmetrics", samples], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)

    def ask(self, text, when, where=None):
        """`where`: the flags that name what is asked; the database unless given."""
        if isinstance(when, tuple):
            asked = ["--range", f"@{when[0] * 1000}..@{when[1] * 1000}", "--step", f"{when[2]}s"]
        else:
            asked = ["--at", f"@{when * 1000}"]
        done = subprocess.run([self.command, *(where or ["--db", self.db]), "query", "--format",
                               "json", *asked, "--", text], capture_output=True, timeout=60, check=False)
        if done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip()
            if done.returncode != 2:
                raise RuntimeError(f"{text}: exit {done.returncode}: {message}")
            return message
        # -0 is a number of its own: as an integer it would lose its sign.
        reply = json.loads(done.stdout, parse_int=float)
        self.stats = reply["stats"]
        return {tuple(sorted(series["labels"].items())):
                {int(t): float(v) for t, v in series["values"]} for series in reply["series"]}


# --- the comparison -------------------------------------------------------------------------------

class Serve:
    """`hygge serve` over the database of a Hygge."""

    def __init__(self, hygge):
        self.process = subprocess.Popen(
            [hygge.command, "--db", hygge.db, "serve", "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.url = self.process.stderr.readline().decode().split(" at ")[-1].strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stderr.close()


def close(a, b, tolerance):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    floor = 1e-3 if tolerance == LOOSE else 0  # what cancels out to almost nothing
    return a == b or abs(a - b) <= tolerance * max(abs(a), abs(b), floor)


def extrapolated(samples, until, window, per_second, old):
    """rate or increase of one window; `old` is 2.42's order of zero point and half gap."""
    inside = [(t, v) for t, v in samples if until - window < t <= until]
    if len(inside) < 2:
        return None
    change = inside[-1][1] - inside[0][1]
    for before, after in zip(inside, inside[1:]):
        if after[1] < before[1]:
            change += before[1]
    sampled = (inside[-1][0] - inside[0][0]) / 1000
    gap = sampled / (len(inside) - 1)
    left = (inside[0][0] - (until - window)) / 1000
    right = (until - inside[-1][0]) / 1000
    zero = sampled * inside[0][1] / change if change > 0 and inside[0][1] >= 0 else math.inf
    if old:
        left = min(left, zero)
        left = left if left < gap * 1.1 else gap / 2
    else:
        left = left if left < gap * 1.1 else gap / 2
        left = min(left, zero)
    right = right if right < gap * 1.1 else gap / 2
    result = change * (sampled + left + right) / sampled
    return result / (window / 1000) if per_second else result


class Comparison:
    def __init__(self, data):
        self.data = data
        self.values = 0
        self.explained = 0
        self.failures = []

    def fail(self, text, when, why):
        self.failures.append(f"{text}  at {when}: {why}")

    def compare(self, text, when, theirs, ours):
        if isinstance(theirs, str) or isinstance(ours, str):
            self.fail(text, when, f"prometheus: {str(theirs)[:200]} | hygge: {str(ours)[:200]}")
            return
        if set(theirs) != set(ours):
            self.fail(text, when, f"series only in prometheus: {set(theirs) - set(ours)}, "
                                  f"only in hygge: {set(ours) - set(theirs)}")
            return
        squares = re.search(r"stddev|stdvar|deriv|predict|quantile|avg_over_time", text)
        tolerance = LOOSE if squares else TOLERANCE
        for labels, values in theirs.items():
            if set(values) != set(ours[labels]):
                odd = sorted(set(values) ^ set(ours[labels]))
                self.fail(text, when, f"{labels}: times in one only: {odd[:5]}")
                continue
            for t, value in values.items():
                self.values += 1
                if close(value, ours[labels][t], tolerance):
                    continue
                if self.explain(text, labels, t, value, ours[labels][t]):
                    self.explained += 1
                    continue
                self.fail(text, when, f"{labels} at {t}: {value!r} is {ours[labels][t]!r} in hygge")
                break

    def explain(self, text, labels, t, theirs, ours):
        """Whether the order of zero point and half gap accounts for the difference."""
        call = re.fullmatch(r"(rate|increase)\((\w+)\[(\d+)m\]\)", text)
        if not call:
            return False
        window = int(call[3]) * 60_000
        samples = self.data.samples_of(call[2], dict(labels))
        forms = [extrapolated(samples, t, window, call[1] == "rate", old) for old in (True, False)]
        return None not in forms and close(theirs, forms[0], 1e-9) and close(ours, forms[1], 1e-9)


def whole_seconds(prometheus, hygge, comparison):
    """Edges that samples stand on: Prometheus is sent windows that are 1 ms shorter."""
    for function in GAUGE_FUNCTIONS:
        if function in ("delta", "deriv"):
            continue  # they look at the window's edge itself, or are asked above
        for seconds in (15, 60, 300):
            for when in (BASE + 600, (BASE + 600, BASE + 4000, 1)):
                theirs = prometheus.ask(f"{function}(even[{seconds * 1000 - 1}ms])", when)
                comparison.compare(f"{function}(even[{seconds}s])", when, theirs,
                                   hygge.ask(f"{function}(even[{seconds}s])", when))
    for text in ("even", "evenc_total offset 1s", "irate(evenc_total[{}])"):
        when = (BASE + 600, BASE + 4000, 1)
        comparison.compare(text, when, prometheus.ask(text.format("299999ms"), when),
                           hygge.ask(text.format("5m"), when))


def from_cells(prometheus, hygge, comparison):
    """Windows of whole cells and windows with ragged edges, over sealed days; returns how many."""
    asked = 0
    hour, ragged = (MIDNIGHT + 86_400, MIDNIGHT + DAYS * 86_400, 3600), (MIDNIGHT + 90_000, MIDNIGHT + 250_000, 7777)
    questions_of_days = [f"{function}(day_total[{window}m])"
                         for function in ("rate", "increase", "resets", "changes", "irate")
                         for window in (60, 360, 1440)]
    questions_of_days += [f"{function}(level[{window}m])"
                          for function in GAUGE_FUNCTIONS if function not in ("deriv", "idelta")
                          for window in (60, 360, 1440)]
    for text in questions_of_days:
        for when in (hour, ragged):
            comparison.compare(text, when, prometheus.ask(text, when), hygge.ask(text, when))
            tiers = [tier for tier in hygge.stats.get("tiers", []) if tier != "raw"]
            if when == hour and not tiers:
                comparison.fail(text, when, f"not answered from cells: {hygge.stats}")
            asked += 1
    return asked


def over_http(prometheus, hygge, comparison, texts):
    """The command asks servers: Prometheus, as it answers itself; hygge serve, as the database."""
    serve = Serve(hygge)
    try:
        for text in texts:
            for when in (BASE + 600, (BASE + 600, BASE + 4000, 60)):
                for name, url, direct in (
                        ("prometheus", prometheus.url, prometheus.ask(text, when)),
                        ("hygge serve", serve.url, hygge.ask(text, when))):
                    remote = hygge.ask(text, when, ["--url", url])
                    if isinstance(direct, str) or isinstance(remote, str):
                        if not (isinstance(direct, str) and isinstance(remote, str)):
                            comparison.fail(text, when, f"{name}: {direct} | --url: {remote}")
                    elif repr(sorted(direct.items())) != repr(sorted(remote.items())):  # NaN, -0 too
                        comparison.fail(text, when, f"{name}, --url: {str(remote)[:300]}")
    finally:
        serve.stop()


def fetch_prometheus(source):
    """The folder with its commands; None where there is no network and no copy."""
    tool = os.path.join(source, "tools", "peers")
    done = subprocess.run([tool, "prometheus"], capture_output=True, text=True, timeout=300,
                          check=False)
    if done.returncode != 0:
        print(done.stderr)
        return None
    return done.stdout.split("\n")[-2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hygge", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    peers = fetch_prometheus(arguments.source)
    if peers is None:
        return 77
    print(f"seed {arguments.seed}")
    data = Data(arguments.seed)
    comparison = Comparison(data)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        samples = os.path.join(folder, "samples.om")
        data.write(samples)
        hygge = Hygge(arguments.hygge, folder, samples)
        prometheus = Prometheus(peers, folder, samples)
        try:
            pick = random.Random(arguments.seed)
            every = [*instants(), *ranges()]
            for text in questions():
                for when in pick.sample(every[:-3], 2) + [pick.choice(every[-3:])]:
                    count += 1
                    comparison.compare(text, when, prometheus.ask(text, when),
                                       hygge.ask(text, when))
            whole_seconds(prometheus, hygge, comparison)
            count += from_cells(prometheus, hygge, comparison)
            over_http(prometheus, hygge, comparison,
                      [*pick.sample(list(questions()), 10), *list(refused())[:2], "vector(NaN)", "-vector(0)"])
            for text in refused():
                when = (BASE + 600, BASE + 6000, 60)
                theirs, ours = (side.ask(text, when) for side in (prometheus, hygge))
                if not isinstance(theirs, str) or not isinstance(ours, str):
                    comparison.fail(text, "refused", f"prometheus: {theirs} | hygge: {ours}")
        finally:
            prometheus.stop()
    for failure in comparison.failures[:40]:
        print("DIFFERS", failure)
    print(f"{count} questions, {comparison.values} values compared, {comparison.explained} differ "
          f"by the order of zero point and half gap, {len(comparison.failures)} disagree")
    return 1 if comparison.failures or comparison.values < 10_000 else 0


if __name__ == "__main__":
    sys.exit(main())
