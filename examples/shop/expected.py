#!/usr/bin/env python3
"""What the recording says, worked out the slow and plain way.

    examples/shop/expected.py [--write]      prints expected.json, or writes it

Reads shop.om.gz, incidents.csv and the *.yaml beside it and computes by its own code what hygge is
asked in the tests: it shares nothing with the engine or with the recorder, keeps every sample in a
list, and recomputes each number from all samples. T1 to T10 are the rules from samples to counts,
said where they are applied; ratios are compared as fractions.

expected.json holds
  recording   counts, first and last time, type of each metric family
  increases   exact increase of series over windows (a, b]: `inside` adds the steps between samples
              of the window, `arriving` also the step that leads into it; after a reset a step is
              the new value
  queries     answers of PromQL expressions at an instant, with Prometheus' extrapolation
  reports     `slo report` at the last sample: counts, SLI, budget, coverage
  burns       `slo burn` at four moments: before, at the end of each incident, and at the end
"""

import csv
import datetime
import gzip
import json
import math
import pathlib
import re
import statistics
import sys
from decimal import Decimal
from fractions import Fraction

HERE = pathlib.Path(__file__).resolve().parent
MINUTE_MS = 60_000
UNIT_MS = {"ms": 1, "s": 1000, "m": MINUTE_MS, "h": 3_600_000, "d": 86_400_000}


# --- Reading -------------------------------------------------------------------------------------

def labels_of(text):
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text))


def read_recording(path):
    """{series' text: [(t_ms, value)]} in order of time, and {family: type}."""
    series, families = {}, {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.startswith("# TYPE "):
                families[line.split()[2]] = line.split()[3]
            elif not line.startswith("#"):
                name, value, seconds = line.rsplit(" ", 2)
                t_ms = int(Decimal(seconds) * 1000)
                series.setdefault(name, []).append((t_ms, float(value)))
    for samples in series.values():
        samples.sort()
    return series, families


def duration_ms(text):
    return sum(int(n) * UNIT_MS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhd])", text))


def time_ms(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def read_slos(path):
    """The SLOs of a file that is written one key a line, alerts one rule a line."""
    slos = []
    for document in re.split(r"^---$", path.read_text(encoding="utf-8"), flags=re.M):
        slo = {"alerts": "google", "step": "1m", "window": "30d", "lookback": "1h",
               "file": path.name}
        for line in document.splitlines():
            if rule := re.match(r"\s+- \{(.*)\}", line):
                slo["alerts"] = [] if slo["alerts"] == "google" else slo["alerts"]
                slo["alerts"].append(dict(re.findall(r"(\w+): ([^,]+)", rule[1])))
            elif pair := re.match(r"(\w+): +(.*?)\s*$", line):
                slo[pair[1]] = pair[2].strip("'")
        slos.append(slo)
    return slos


def read_incidents(path):
    with open(path, encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    return [(row["id"], time_ms(row["start"]), time_ms(row["end"])) for row in rows]


def select(series, selector):
    """The series that `name{a="b",c=~"d",…}` selects; a label that is absent counts as empty."""
    name, _, inside = selector.partition("{")
    tests = re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', inside)
    chosen = {}
    for text, samples in series.items():
        own_name, _, own_inside = text.partition("{")
        labels = labels_of(own_inside)
        if own_name == name and all(
                (re.fullmatch(value, labels.get(key, "")) is not None if "~" in op
                 else labels.get(key, "") == value) != op.startswith("!")
                for key, op, value in tests):
            chosen[text] = samples
    return chosen


# --- Exact increases -----------------------------------------------------------------------------

def steps(samples):
    """(time of the later sample, time of the earlier, step, was it a reset).

    T2: a step belongs wholly to the later sample. T3: a falling value is a reset, the step is v.
    """
    for (t0, v0), (t1, v1) in zip(samples, samples[1:]):
        yield t1, t0, (v1 if v1 < v0 else v1 - v0), v1 < v0


def exact_increase(samples, from_ms, to_ms):
    arriving = [s for s in steps(samples) if from_ms < s[0] <= to_ms]
    inside = [s for s in arriving if s[1] > from_ms]
    return {"inside": plain(math.fsum(s[2] for s in inside)),
            "arriving": plain(math.fsum(s[2] for s in arriving)),
            "resets": sum(s[3] for s in inside)}


# --- PromQL's functions over one series' window --------------------------------------------------

def prometheus_increase(window, from_ms, to_ms):
    """`increase` as Prometheus extrapolates it; None with fewer than two samples."""
    if len(window) < 2:
        return None
    (first_t, first), (last_t, last) = window[0], window[-1]
    total = last - first + sum(v0 for (_, v0), (_, v1) in zip(window, window[1:]) if v1 < v0)
    sampled = (last_t - first_t) / 1000
    gap = sampled / (len(window) - 1)
    left, right = (first_t - from_ms) / 1000, (to_ms - last_t) / 1000
    left = left if left < gap * 1.1 else gap / 2
    right = right if right < gap * 1.1 else gap / 2
    if total > 0 and first >= 0:
        left = min(left, sampled * first / total)
    return total * (sampled + left + right) / sampled


def quantile(values, q):
    values = sorted(values)
    rank = q * (len(values) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] * (1 - (rank - low)) + values[high] * (rank - low)


def deviation(values):
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))


RANGE_FUNCTIONS = {
    "increase": prometheus_increase,
    "rate": lambda w, a, b: (None if (up := prometheus_increase(w, a, b)) is None
                             else up / ((b - a) / 1000)),
    "resets": lambda w, a, b: sum(v1 < v0 for (_, v0), (_, v1) in zip(w, w[1:])),
    "changes": lambda w, a, b: sum(v1 != v0 for (_, v0), (_, v1) in zip(w, w[1:])),
    "count_over_time": lambda w, a, b: len(w),
    "sum_over_time": lambda w, a, b: math.fsum(v for _, v in w),
    "avg_over_time": lambda w, a, b: math.fsum(v for _, v in w) / len(w),
    "min_over_time": lambda w, a, b: min(v for _, v in w),
    "max_over_time": lambda w, a, b: max(v for _, v in w),
    "last_over_time": lambda w, a, b: w[-1][1],
    "stddev_over_time": lambda w, a, b: deviation([v for _, v in w]),
}
AGGREGATES = {"sum": math.fsum, "min": min, "max": max, "count": len,
              "avg": lambda values: math.fsum(values) / len(values)}
FIVE_MINUTES_MS = 5 * MINUTE_MS


def evaluate(series, question, at_ms):
    """A question is {"by": […] or absent, "aggregate", "function", "selector", "range", "q"}."""
    rows = []
    range_ms = duration_ms(question["range"]) if "range" in question else FIVE_MINUTES_MS
    for text, samples in select(series, question["selector"]).items():
        window = [(t, v) for t, v in samples if at_ms - range_ms < t <= at_ms]
        function = question.get("function", "last_over_time")
        if not window:
            continue
        if function == "quantile_over_time":
            value = quantile([v for _, v in window], question["q"])
        else:
            value = RANGE_FUNCTIONS[function](window, at_ms - range_ms, at_ms)
        if value is not None:
            name, _, inside = text.partition("{")
            kept = {"__name__": name} if function == "last_over_time" else {}
            rows.append(({**kept, **labels_of(inside)}, value))
    if "aggregate" not in question:
        return rows
    groups = {}
    for labels, value in rows:
        key = tuple((name, labels[name]) for name in question.get("by", []) if name in labels)
        groups.setdefault(key, []).append(value)
    fold = AGGREGATES[question["aggregate"]]
    return [(dict(key), fold(values)) for key, values in groups.items()]


def expression(question):
    text = question["selector"]
    if "function" in question:
        text += f"[{question['range']}]"
        text = f"{question['q']}, {text}" if "q" in question else text
        text = f"{question['function']}({text})"
    if "aggregate" in question:
        by = f" by ({', '.join(question['by'])})" if "by" in question else ""
        text = f"{question['aggregate']}{by} ({text})"
    return text


QUESTIONS = [
    {"aggregate": "sum", "selector": "up"},
    {"selector": 'up{job="shop"}'},
    {"selector": 'http_requests_total{method="POST"}'},
    {"selector": 'node_memory_MemAvailable_bytes'},
    {"aggregate": "count", "by": ["job"], "selector": 'process_open_fds'},
    {"aggregate": "sum", "by": ["code"], "function": "rate", "selector": "edge_requests_total",
     "range": "1m"},
    {"aggregate": "sum", "function": "rate", "selector": 'edge_requests_total{code=~"5.."}',
     "range": "5m"},
    {"function": "increase", "selector": "edge_requests_total", "range": "5m"},
    {"function": "increase", "selector": 'http_request_duration_seconds_bucket{path="/checkout"}',
     "range": "10m"},
    {"function": "resets", "selector": 'http_requests_total{code="200"}', "range": "15m"},
    {"function": "changes", "selector": "up", "range": "15m"},
    {"function": "rate", "selector": 'node_cpu_seconds_total{mode=~"user|idle"}', "range": "5m"},
    {"function": "avg_over_time", "selector": "load_target_rate", "range": "10m"},
    {"function": "min_over_time", "selector": "node_memory_MemFree_bytes", "range": "10m"},
    {"function": "max_over_time", "selector": "scrape_duration_seconds", "range": "10m"},
    {"function": "stddev_over_time", "selector": "node_load1", "range": "10m"},
    {"function": "sum_over_time", "selector": "up", "range": "5m"},
    {"function": "count_over_time", "selector": 'http_requests_in_flight', "range": "5m"},
    {"function": "last_over_time", "selector": 'stock_requests_total', "range": "1m"},
    {"function": "quantile_over_time", "q": 0.9, "selector": 'http_requests_in_flight',
     "range": "5m"},
]


# --- SLOs ----------------------------------------------------------------------------------------

class Track:
    """bad, total and state of each slice; the slice (end - step, end] is named by its end (T1)."""

    def __init__(self, series, slo):
        self.step_ms = duration_ms(slo["step"])
        self.lookback_ms = duration_ms(slo["lookback"])
        side = "bad" if "bad" in slo else "good"
        total, part = select(series, slo["total"]), select(series, slo[side])
        chosen = {**total, **part}
        self.present = {self.slice_of(t) for samples in total.values() for t, _ in samples}
        self.first = min(self.present)
        self.events = []  # (slice, "resets" or "gaps" or "born")
        self.bridged = set()
        totals = self.sums(total, chosen)
        parts = self.carry(self.sums(part, chosen), totals)
        self.note(chosen, total)
        self.total, self.bad, self.clamped = totals, {}, set()
        for end, whole in totals.items():
            piece = parts.get(end, 0)
            bad = piece if side == "bad" else whole - piece
            self.bad[end] = min(max(bad, 0), whole)
            if self.bad[end] != bad:
                self.clamped.add(end)

    def slice_of(self, t_ms):
        return -(-t_ms // self.step_ms) * self.step_ms

    def deltas(self, text, samples, chosen):
        """(time, predecessor's time or None, delta, what happened) of each sample.

        T4: a predecessor older than the lookback is a gap, delta 0. T5: the first sample of a
        series counts whole when the process was seen before, else not at all.
        """
        t_first, v_first = samples[0]
        born = any(self.kin(text, other) and any(t_first - self.lookback_ms <= t < t_first
                                                 for t, _ in chosen[other])
                   for other in chosen if other != text)
        yield t_first, None, (v_first if born else 0), ("born" if born else None)
        for t, before, step, reset in steps(samples):
            if t - before > self.lookback_ms:
                yield t, before, 0, "gaps"
            else:
                yield t, before, step, ("resets" if reset else None)

    @staticmethod
    def kin(one, other):
        """Same metric of the same process."""
        a, b = labels_of(one), labels_of(other)
        return (one.partition("{")[0] == other.partition("{")[0]
                and a.get("job") == b.get("job") and a.get("instance") == b.get("instance"))

    def sums(self, some, chosen):
        out = {}
        for text, samples in some.items():
            for t, _, delta, _ in self.deltas(text, samples, chosen):
                out[self.slice_of(t)] = out.get(self.slice_of(t), 0) + delta
        return out

    def carry(self, parts, totals):
        """T9: what falls into a slice without total moves to the next that has one.

        T8 is here too: a slice without parts has none.
        """
        out, carried = {}, 0
        for end in sorted(set(parts) | set(totals)):
            carried += parts.get(end, 0)
            if totals.get(end, 0) > 0:
                out[end], carried = carried, 0
        return out

    def note(self, chosen, total):
        """What happened when; T7: a delta across slices without data makes its slice `bridged`."""
        for text, samples in chosen.items():
            for t, before, delta, event in self.deltas(text, samples, chosen):
                if event:
                    self.events.append((self.slice_of(t), event))
                if text in total and before is not None and delta:
                    crossed = self.slices(self.slice_of(before), self.slice_of(t) - 1)
                    if any(end not in self.present for end in crossed):
                        self.bridged.add(self.slice_of(t))

    def slices(self, from_ms, to_ms):
        return range(from_ms + self.step_ms, to_ms + 1, self.step_ms)

    def state(self, end):
        if end not in self.present:
            return "no_data"
        return "measured" if self.total[end] > 0 else "idle"

    def counts(self, from_ms, to_ms):
        ends = list(self.slices(from_ms, to_ms))
        return tuple(sum(side.get(end, 0) for end in ends) for side in (self.bad, self.total))


def plain(number):
    """Whole numbers without a fraction, as the replies print them."""
    return int(number) if float(number).is_integer() else float(number)


def wilson(bad, total, z):
    p, n = 1 - bad / total, total
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def report(series, slo, at_ms):
    track = Track(series, slo)
    to_ms = at_ms // track.step_ms * track.step_ms
    from_ms = max(to_ms - duration_ms(slo["window"]), time_ms(slo["since"]))
    bad, total = track.counts(from_ms, to_ms)
    target = Fraction(slo["target"]) / 100
    budget = 1 - target
    ends = list(track.slices(from_ms, to_ms))
    states = [track.state(end) for end in ends]
    covered = (states.count("measured") + states.count("idle")) / len(ends)
    met = (Fraction(total) - Fraction(bad)) >= target * Fraction(total)
    consumed = float(Fraction(bad) / (budget * Fraction(total)))
    low, high = wilson(bad, total, statistics.NormalDist().inv_cdf(0.975))
    events = [event for end, event in track.events if from_ms < end <= to_ms]
    return {
        "slo": slo["slo"], "file": slo["file"], "at_ms": at_ms, "target": slo["target"],
        "verdict": "insufficient" if covered < 0.9 else "met" if met else "breached",
        "window": {"from_ms": from_ms, "to_ms": to_ms, "step_s": track.step_ms // 1000},
        "sli": float(1 - Fraction(bad) / Fraction(total)), "good": plain(total - bad),
        "bad": plain(bad), "total": plain(total), "interval": {"low": low, "high": high},
        "budget": {"allowed": plain(budget * Fraction(total)), "consumed": consumed,
                   "remaining": 1 - consumed,
                   "allowed_s": plain(budget * len(ends) * track.step_ms / 1000),
                   "spent_s": consumed * float(budget * len(ends) * track.step_ms / 1000)},
        "coverage": covered,
        "slices": {"total": len(ends), "measured": states.count("measured"),
                   "idle": states.count("idle"), "no_data": states.count("no_data"),
                   "bridged": sum(end in track.bridged for end in ends)},
        "counters": {"clamped": sum(end in track.clamped for end in ends),
                     "resets": events.count("resets"), "gaps": events.count("gaps"),
                     "born": events.count("born")},
    }


GOOGLE = [{"spend": "0.02", "long": "1h", "short": "5m", "as": "page"},
          {"spend": "0.05", "long": "6h", "short": "30m", "as": "page"},
          {"spend": "0.10", "long": "1d", "short": "2h", "as": "ticket"},
          {"spend": "0.10", "long": "3d", "short": "6h", "as": "ticket"}]


def alert_coverage(track, from_ms, to_ms):
    """Slices before the first data count as idle: a new service is not blind."""
    ends = list(track.slices(from_ms, to_ms))
    return sum(end < track.first or end in track.present for end in ends) / len(ends)


def rule_at(track, rule, budget, window_ms, to_ms):
    """The two windows of a rule at a slice end, and whether it is "firing", "ok" or "unknown"."""
    long_ms = duration_ms(rule["long"])
    short_ms = duration_ms(rule.get("short", rule["long"]))
    factor = (Fraction(rule["factor"]) if "factor" in rule
              else Fraction(rule["spend"]) * window_ms / long_ms)
    reply = {"as": rule["as"], "long_s": long_ms // 1000, "short_s": short_ms // 1000,
             "factor": plain(factor), "threshold": float(factor * budget)}
    above, coverage = True, 1.0
    for name, length in (("long", long_ms), ("short", short_ms)):
        bad, total = track.counts(to_ms - length, to_ms)
        covered = alert_coverage(track, to_ms - length, to_ms)
        above = above and total > 0 and Fraction(bad) > factor * budget * Fraction(total)
        if name == "long":
            above = above and bad >= int(rule.get("min_bad", 1))
        coverage = min(coverage, covered)
        burn = float(Fraction(bad) / Fraction(total) / budget) if total else 0 if covered else None
        reply |= {f"{name}_bad": plain(bad), f"{name}_total": plain(total), f"{name}_burn": burn,
                  f"{name}_coverage": covered}
    return reply, "unknown" if coverage < 0.5 else "firing" if above else "ok"


def burn(series, slo, at_ms):
    track = Track(series, slo)
    budget = 1 - Fraction(slo["target"]) / 100
    window_ms, to_ms = duration_ms(slo["window"]), at_ms // track.step_ms * track.step_ms
    replies = []
    for rule in GOOGLE if slo["alerts"] == "google" else slo["alerts"]:
        reply, state = rule_at(track, rule, budget, window_ms, to_ms)
        frozen = False
        if state == "unknown":  # the last known state holds, for at most the long window
            for back in range(to_ms - track.step_ms, to_ms - duration_ms(rule["long"]) - 1,
                              -track.step_ms):
                known = rule_at(track, rule, budget, window_ms, back)[1]
                if known != "unknown":
                    frozen = known == "firing"
                    state = "firing" if frozen else "unknown"
                    break
        replies.append({**reply, "state": state, "frozen": frozen})
    states = [reply["state"] for reply in replies]
    state = next((s for s in ("firing", "unknown") if s in states), "ok")
    return {"slo": slo["slo"], "file": slo["file"], "at_ms": at_ms, "state": state,
            "rules": replies}


# --- The file ------------------------------------------------------------------------------------

def answer(series, question, name, at_ms):
    rows = sorted(evaluate(series, question, at_ms), key=lambda row: sorted(row[0].items()))
    return {"expr": expression(question), "moment": name, "at_ms": at_ms,
            "rows": [{"labels": labels, "value": plain(value)} for labels, value in rows]}


def everything(folder=HERE):
    series, families = read_recording(folder / "shop.om.gz")
    incidents = read_incidents(folder / "incidents.csv")
    slos = [slo for path in sorted(folder.glob("*.yaml")) for slo in read_slos(path)]
    times = [t for samples in series.values() for t, _ in samples]
    first, last = min(times), max(times)
    moments = {"calm": incidents[0][1] - 2 * MINUTE_MS, "end": last}
    moments |= {name: end for name, _, end in incidents}
    windows = {name: (start, end) for name, start, end in incidents}
    windows |= {"all": (first - 1, last), "across-restart": (windows["outage"][0] - 5 * MINUTE_MS,
                                                             windows["outage"][1] + 5 * MINUTE_MS)}
    counters = [text for selector in ("edge_requests_total", "edge_request_duration_seconds_bucket",
                                      'http_requests_total{code=~"2..|5.."}',
                                      "edge_request_duration_seconds_sum", "stock_requests_total")
                for text in select(series, selector)]
    return {
        "recording": {
            "samples": len(times), "series": len(series), "families": len(families),
            "first_ms": first, "last_ms": last,
            "types": {kind: sum(k == kind for k in families.values())
                      for kind in sorted(set(families.values()))},
            "incidents": [{"id": name, "start_ms": a, "end_ms": b} for name, a, b in incidents]},
        "increases": [{"series": text, "window": name, "from_ms": a, "to_ms": b,
                       **exact_increase(series[text], a, b)}
                      for name, (a, b) in windows.items() for text in counters],
        "queries": [answer(series, question, name, at) for question in QUESTIONS
                    for name, at in sorted(moments.items())],
        "reports": [report(series, slo, last) for slo in slos],
        "burns": [{"moment": name, **burn(series, slo, at)}
                  for slo in slos for name, at in sorted(moments.items())],
    }


def as_text(value):
    """JSON with one entry a line."""
    parts = []
    for key, part in value.items():
        if isinstance(part, list):
            rows = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in part)
            parts.append(f'"{key}":[\n  {rows}]')
        else:
            parts.append(f'"{key}":{json.dumps(part, separators=(",", ":"))}')
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    text_out = as_text(everything())
    if sys.argv[1:]:
        (HERE / "expected.json").write_text(text_out, encoding="ascii")
    else:
        print(text_out, end="")
