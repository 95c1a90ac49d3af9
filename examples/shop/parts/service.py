"""The shop: a small service that asks the stock service and counts what it does.

    service.py PORT STOCK_PORT

Pages: GET / and /items, GET /items/N (one look at the stock), POST /cart, POST /checkout (two
looks). A stock service that takes longer than a second is a 504. An order without a quantity is a
500: a mistake of the kind that every service has (see `checkout`).
"""

import http.client
import json
import random
import sys
import time

import metrics
import web

STOCK_TIMEOUT_S = 1.0
BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

registry = metrics.Registry()
requests = registry.counter("http_requests", "Requests answered, by status code, method and path.")
duration = registry.histogram(
    "http_request_duration_seconds", "Time to answer a request, by path.", BOUNDS_S)
in_flight = registry.gauge("http_requests_in_flight", "Requests being answered now.")
in_flight.set(0)
looks = registry.counter("dependency_requests", "Requests to another service, by how they ended.")
look_duration = registry.histogram(
    "dependency_request_duration_seconds", "Time that another service took.", BOUNDS_S)
metrics.add_process_metrics(registry)


class Shop(web.Handler):
    stock_port = 0

    def route(self, method, path):
        start = time.monotonic()
        in_flight.add(1)
        known = "/items/:id" if path.startswith("/items/") else path
        if known not in ("/", "/items", "/items/:id", "/cart", "/checkout"):
            known = "other"
        try:
            code, text = self.answer(method, path, known)
        except (TimeoutError, ConnectionError):
            code, text = 504, "the stock service does not answer\n"
        except Exception as error:  # a bug in a page is a 500, not the end of the server
            code, text = 500, f"{type(error).__name__}\n"
        # Counted before the answer leaves: who has seen an answer finds it counted.
        in_flight.add(-1)
        requests.inc(code=code, method=method, path=known)
        duration.observe(time.monotonic() - start, path=known)
        self.reply(code, text)

    def answer(self, method, path, known):
        if known == "other":
            return 404, "no such page\n"
        if method == "GET" and known == "/items/:id":
            item = path.rpartition("/")[2]
            if not item.isdigit() or int(item) >= 500:
                return 404, "no such item\n"
            return 200, json.dumps({"item": item, "left": self.left(item)}) + "\n"
        if method == "GET":
            time.sleep(random.lognormvariate(0.7, 0.6) / 1000)  # the page is put together
            return 200, json.dumps({"items": list(range(20))}) + "\n"
        order = json.loads(self.body())
        if known == "/checkout":
            return self.checkout(order)
        return 201, json.dumps({"cart": order["item"]}) + "\n"

    def checkout(self, order):
        quantity = int(order["quantity"])  # the mistake: a form sent empty is not a number
        item = str(order["item"])
        if self.left(item) < quantity:
            return 409, "sold out\n"
        self.left(item)
        return 201, json.dumps({"order": random.randrange(10**9)}) + "\n"

    def left(self, item):
        start = time.monotonic()
        outcome = "error"
        connection = http.client.HTTPConnection("127.0.0.1", self.stock_port, STOCK_TIMEOUT_S)
        try:
            connection.request("GET", f"/stock/{item}")
            text = connection.getresponse().read()
            outcome = "ok"
            return int(text)
        except TimeoutError:
            outcome = "timeout"
            raise
        finally:
            connection.close()
            looks.inc(dependency="stock", outcome=outcome)
            look_duration.observe(time.monotonic() - start, dependency="stock")


if __name__ == "__main__":
    Shop.stock_port = int(sys.argv[2])
    web.serve(int(sys.argv[1]), registry, Shop)
