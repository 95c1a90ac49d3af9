"""Counters, gauges and histograms of one process, and their OpenMetrics page.

Every part of the shop keeps its numbers here and serves them under /metrics. Standard library only.
"""

import os
import threading

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def escape(value):
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def label_text(labels):
    if not labels:
        return ""
    return "{" + ",".join(f'{k}="{escape(str(v))}"' for k, v in sorted(labels.items())) + "}"


class Registry:
    """All families of a process. Thread-safe; one page is one consistent moment."""

    def __init__(self):
        self._lock = threading.Lock()
        self._families = []
        self._collectors = []

    def counter(self, name, help_text):
        return self._add(Counter(name, "counter", help_text, "", self._lock))

    def gauge(self, name, help_text, unit=""):
        return self._add(Gauge(name, "gauge", help_text, unit, self._lock))

    def histogram(self, name, help_text, bounds, unit="seconds"):
        return self._add(Histogram(name, help_text, unit, bounds, self._lock))

    def before_each_page(self, collector):
        """Calls `collector` ahead of every page, for numbers that are read rather than counted."""
        self._collectors.append(collector)

    def _add(self, family):
        self._families.append(family)
        return family

    def page(self):
        for collector in self._collectors:
            collector()
        lines = []
        with self._lock:
            for family in self._families:
                lines.append(f"# TYPE {family.name} {family.kind}")
                if family.unit:
                    lines.append(f"# UNIT {family.name} {family.unit}")
                lines.append(f"# HELP {family.name} {family.help_text}")
                lines.extend(family.lines())
        lines.append("# EOF")
        return "\n".join(lines) + "\n"


class Family:
    def __init__(self, name, kind, help_text, unit, lock):
        self.name, self.kind, self.help_text, self.unit = name, kind, help_text, unit
        self._lock = lock
        self._values = {}


class Counter(Family):
    def inc(self, amount=1, **labels):
        key = label_text(labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def set_total(self, total):
        """For a number that somebody else counts."""
        with self._lock:
            self._values[""] = total

    def lines(self):
        return [f"{self.name}_total{key} {value}" for key, value in sorted(self._values.items())]


class Gauge(Family):
    def set(self, value, **labels):
        with self._lock:
            self._values[label_text(labels)] = value

    def add(self, amount, **labels):
        key = label_text(labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def lines(self):
        return [f"{self.name}{key} {value}" for key, value in sorted(self._values.items())]


class Histogram(Family):
    """Cumulative buckets with upper bounds `bounds` and +Inf."""

    def __init__(self, name, help_text, unit, bounds, lock):
        super().__init__(name, "histogram", help_text, unit, lock)
        self._bounds = [float(bound) for bound in bounds]

    def observe(self, value, **labels):
        key = tuple(sorted(labels.items()))
        with self._lock:
            state = self._values.setdefault(key, [[0] * (len(self._bounds) + 1), 0.0])
            index = next((i for i, b in enumerate(self._bounds) if value <= b), len(self._bounds))
            state[0][index] += 1
            state[1] += value

    def lines(self):
        out = []
        for key, (counts, total) in sorted(self._values.items()):
            labels, running = dict(key), 0
            for bound, count in zip([str(b) for b in self._bounds] + ["+Inf"], counts):
                running += count
                out.append(f"{self.name}_bucket{label_text({**labels, 'le': bound})} {running}")
            out.append(f"{self.name}_count{label_text(labels)} {running}")
            out.append(f"{self.name}_sum{label_text(labels)} {round(total, 6)}")
        return out


def add_process_metrics(registry):
    """What /proc says of this process, under the usual names."""
    ticks, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu = registry.counter("process_cpu_seconds", "User and system CPU time spent in seconds.")
    cpu.unit = "seconds"
    resident = registry.gauge("process_resident_memory_bytes", "Resident memory in bytes.", "bytes")
    files = registry.gauge("process_open_fds", "Number of open file descriptors.")
    threads = registry.gauge("process_threads", "Number of threads.")
    start = registry.gauge(
        "process_start_time_seconds", "Start of the process, Unix time.", "seconds")
    with open("/proc/stat", encoding="ascii") as stat:
        boot = next(int(line.split()[1]) for line in stat if line.startswith("btime"))

    def collect():
        with open("/proc/self/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        cpu.set_total((int(fields[11]) + int(fields[12])) / ticks)
        resident.set(int(fields[21]) * page_bytes)
        threads.set(int(fields[17]))
        files.set(len(os.listdir("/proc/self/fd")))
        start.set(boot + int(fields[19]) / ticks)

    registry.before_each_page(collect)
