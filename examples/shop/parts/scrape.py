"""Scrapes pages on time and keeps every sample; writes them as one OpenMetrics file.

Saved pages would come one after the other; OpenMetrics wants each family in one piece, so samples
are kept until the end and written family by family.
"""

import gzip
import re
import threading
import time
import urllib.request

SAMPLE = re.compile(r'([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("", "_count", "_sum"),
}


class Recording:
    """Samples by family, metric and time. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._about = {}  # family -> {"type", "help", "unit"}
        self._metrics = {}  # family -> metric's labels without le -> time -> [(series, value)]
        self.scrapes = 0

    def describe(self, family, **about):
        with self._lock:
            self._about.setdefault(family, {}).update(about)

    def add(self, family, name, labels, t_ms, value):
        text = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items()))
        metric = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())
                          if k not in ("le", "quantile"))
        with self._lock:
            times = self._metrics.setdefault(family, {}).setdefault(metric, {})
            times.setdefault(t_ms, []).append((f"{name}{{{text}}}", value))

    def add_page(self, page, t_ms, target_labels):
        """Adds a page; answers how many samples it held."""
        types, old_style = {}, "# EOF" not in page[-8:]
        count = 0
        for line in page.splitlines():
            if line.startswith("# "):
                self._describe_from(line, types, old_style)
                continue
            match = SAMPLE.match(line)
            if not match:
                continue
            name, labels, value = match[1], dict(LABEL.findall(match[2] or "")), match[3]
            family = family_of(name, types)
            self.add(family, name, {**labels, **target_labels}, t_ms, value)
            count += 1
        return count

    def _describe_from(self, line, types, old_style):
        words = line.split(" ", 3)
        if len(words) < 4 or words[1] not in ("TYPE", "HELP", "UNIT"):
            return
        keyword, family, text = words[1:]
        if old_style:  # Prometheus text: the family of a counter carries _total already
            family = family.removesuffix("_total")
            if keyword == "TYPE" and text == "untyped":
                text = "unknown"
            elif keyword == "TYPE" and text == "counter" and not words[2].endswith("_total"):
                text = "unknown"  # OpenMetrics has no counter without _total
        if keyword == "TYPE":
            types[family] = text
        self.describe(family, **{keyword.lower(): text})

    def write(self, path):
        """Writes the file, compressed; answers (families, series, samples)."""
        with self._lock:
            lines, series, samples = [], set(), 0
            for family, metrics in sorted(self._metrics.items()):
                about = self._about.get(family, {})
                lines.append(f"# TYPE {family} {about.get('type', 'unknown')}")
                if about.get("unit"):
                    lines.append(f"# UNIT {family} {about['unit']}")
                if about.get("help"):
                    lines.append(f"# HELP {family} {about['help']}")
                for _, times in sorted(metrics.items()):
                    for t_ms, points in sorted(times.items()):
                        for one, value in points:
                            lines.append(f"{one} {value} {t_ms // 1000}.{t_ms % 1000:03d}")
                            series.add(one)
                            samples += 1
            lines.append("# EOF\n")
            families = len(self._metrics)
        with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write("\n".join(lines).encode())
        return families, len(series), samples


def family_of(name, types):
    for family, kind in ((name, types.get(name)), *(
            (name.removesuffix(s), types.get(name.removesuffix(s)))
            for s in ("_total", "_bucket", "_count", "_sum") if name.endswith(s))):
        if kind and any(name == family + suffix for suffix in SUFFIXES.get(kind, ("",))):
            return family
    return name


class Scraper(threading.Thread):
    """Asks one target every `interval_s`, a little later than the target before it."""

    def __init__(self, recording, job, url, interval_s, offset_s, until):
        super().__init__(daemon=True)
        self._recording, self._url = recording, url
        self._labels = {"job": job, "instance": f"{job}-1"}
        self._interval_s, self._offset_s, self._until = interval_s, offset_s, until

    def run(self):
        next_at = time.monotonic() + self._offset_s
        while not self._until.wait(max(0.0, next_at - time.monotonic())):
            self._scrape()
            next_at += self._interval_s

    def _scrape(self):
        t_ms, start = time.time_ns() // 1_000_000, time.monotonic()
        try:
            with urllib.request.urlopen(self._url, timeout=self._interval_s * 0.9) as answer:
                page = answer.read().decode()
        except OSError:
            page = None
        took = time.monotonic() - start
        count = 0
        if page is not None:
            count = self._recording.add_page(page, t_ms, self._labels)
        for name, value in (("up", "0" if page is None else "1"),
                            ("scrape_duration_seconds", f"{took:.6f}"),
                            ("scrape_samples_scraped", str(count))):
            self._recording.add(name, name, self._labels, t_ms, value)
        self._recording.scrapes += 1
