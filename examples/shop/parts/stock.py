"""The dependency: tells how many pieces of an item are left.

    stock.py PORT

GET /stock/ITEM answers after a few milliseconds. PUT /delay with a number of milliseconds in the
body makes every answer later by about as much: that is the incident "slow dependency".
"""

import random
import sys
import time
import zlib

import metrics
import web

registry = metrics.Registry()
requests = registry.counter("stock_requests", "Requests answered by the stock service.")
delay_ms = registry.gauge("stock_delay_milliseconds", "Delay added on purpose.", "milliseconds")
delay_ms.set(0)
metrics.add_process_metrics(registry)


class Stock(web.Handler):
    added_ms = 0.0

    def route(self, method, path):
        if method == "PUT" and path == "/delay":
            Stock.added_ms = float(self.body())
            delay_ms.set(int(Stock.added_ms))
            self.reply(200, "ok\n")
        elif method == "GET" and path.startswith("/stock/"):
            # Lognormal, as service times are: most near the median, a few far above.
            wait_ms = random.lognormvariate(1.4, 0.5)
            if Stock.added_ms > 0:
                wait_ms += Stock.added_ms * random.lognormvariate(0, 0.45)
            time.sleep(wait_ms / 1000)
            requests.inc()
            self.reply(200, f"{zlib.crc32(path.encode()) % 40}\n")
        else:
            self.reply(404, "no such page\n")


if __name__ == "__main__":
    web.serve(int(sys.argv[1]), registry, Stock)
