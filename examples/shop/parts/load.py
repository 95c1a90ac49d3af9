"""The users: asks the web server for pages, at a rate that goes up and down as a day does.

    load.py PORT TARGET_PORT SECONDS_OF_A_DAY SEED

Independent users: gaps between requests are exponential, and a slow answer does not hold back the
next request, up to 200 at a time (beyond that a request is dropped and counted).
"""

import http.client
import json
import math
import random
import sys
import threading
import time

import metrics
import web

MEAN_RATE = 22.0  # requests a second; 15 at night, 29 at noon
MAX_IN_FLIGHT = 200
TIMEOUT_S = 5.0

registry = metrics.Registry()
requests = registry.counter("load_requests", "Requests sent, by what came back.")
dropped = registry.counter("load_requests_dropped", "Requests not sent: too many in flight.")
dropped.inc(0)
rate = registry.gauge("load_target_rate", "Requests a second meant to be sent now.")
in_flight = registry.gauge("load_requests_in_flight", "Requests without an answer yet.")
in_flight.set(0)
metrics.add_process_metrics(registry)


def choose(random):
    """One request of a user: method, path, body."""
    item = int(random.expovariate(1 / 60))  # few items are popular; numbers from 500 do not exist
    dice = random.random()
    if dice < 0.25:
        return "GET", "/", None
    if dice < 0.45:
        return "GET", "/items", None
    if dice < 0.80:
        return "GET", f"/items/{item}", None
    if dice < 0.92:
        return "POST", "/cart", {"item": item}
    if dice < 0.99:
        # One order in a few hundred is sent with its quantity left empty.
        return "POST", "/checkout", {"item": item, "quantity": "" if random.random() < 0.01 else 1}
    return "GET", "/favicon.ico", None


def send(port, method, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        answer = connection.getresponse()
        answer.read()
        outcome = f"{answer.status // 100}xx"
    except OSError:
        outcome = "no answer"
    finally:
        connection.close()
    requests.inc(outcome=outcome)
    in_flight.add(-1)
    slots.release()


def run(port, day_s, seed):
    numbers = random.Random(seed)
    start = time.monotonic()
    next_at = start
    while True:
        day = 2 * math.pi * (next_at - start) / day_s
        now_rate = MEAN_RATE - 7 * math.cos(day) + 1.5 * math.sin(7.3 * day)
        rate.set(round(now_rate, 3))
        next_at += numbers.expovariate(now_rate)
        time.sleep(max(0.0, next_at - time.monotonic()))
        request = choose(numbers)
        if slots.acquire(blocking=False):
            in_flight.add(1)
            threading.Thread(target=send, args=(port, *request), daemon=True).start()
        else:
            dropped.inc()


slots = threading.Semaphore(MAX_IN_FLIGHT)

if __name__ == "__main__":
    settings = (int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    threading.Thread(target=run, args=settings, daemon=True).start()
    web.serve(int(sys.argv[1]), registry, web.Handler)
