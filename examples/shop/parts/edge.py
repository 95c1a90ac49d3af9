"""What users got: counts nginx's access log.

    edge.py PORT ACCESS_LOG

Each line of the log is `STATUS SECONDS`. New lines are read when the page is asked for, so that the
page holds what nginx had written at that moment, also while the service behind it is dead.
"""

import sys
import threading

import metrics
import web

registry = metrics.Registry()
requests = registry.counter("edge_requests", "Requests answered by the web server, by status code.")
duration = registry.histogram(
    "edge_request_duration_seconds", "Time from a request's first byte to its answer's last.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])
unreadable = registry.counter("edge_log_lines_unreadable", "Lines of the log not understood.")
unreadable.inc(0)
metrics.add_process_metrics(registry)


class Tail:
    """Reads on from where it stopped; keeps a line's beginning until its end is written."""

    def __init__(self, path):
        self._file = open(path, "rb")
        self._rest = b""
        self._lock = threading.Lock()

    def count_new_lines(self):
        with self._lock:
            *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
            for line in lines:
                try:
                    code, seconds = line.decode().split()
                    requests.inc(code=int(code))
                    duration.observe(float(seconds))
                except ValueError:
                    unreadable.inc()


if __name__ == "__main__":
    registry.before_each_page(Tail(sys.argv[2]).count_new_lines)
    web.serve(int(sys.argv[1]), registry, web.Handler)
