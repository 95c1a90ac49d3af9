"""examples/sli_in_a_service, run as its reader would: it counts what it answers, and says so.

    sli_in_a_service_test.py PROGRAM
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PATIENCE_S = 30


class Service:
    def __init__(self, folder):
        self.process = subprocess.Popen([PROGRAM, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE_S) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def slos(self):
        code, text = self.get("/slo.json")
        assert code == 200, text
        return {one["slo"]: one for one in json.loads(text)["slos"]}

    def wait_for(self, total):
        """The reports, as soon as they hold that many requests."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            slos = self.slos()
            if slos["price-availability"]["total"] >= total or time.monotonic() > ends:
                return slos
            time.sleep(0.2)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


class TheService(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "db"

    def start(self):
        service = Service(self.folder)
        self.addCleanup(service.process.stdout.close)
        self.addCleanup(service.process.stderr.close)
        self.addCleanup(lambda: service.process.poll() is None and service.process.kill())
        self.assertRegex(service.url, r"^http://127\.0\.0\.1:\d+$")
        return service

    def test_counts_each_of_its_requests_over_two_runs(self):
        service = self.start()
        answers = [service.get(f"/price/item{i}") for i in range(90)]
        self.assertEqual({(200, "105\n"), (200, "106\n")}, set(answers))
        self.assertEqual([500] * 7, [service.get("/price/broken")[0] for _ in range(7)])
        self.assertEqual([404] * 3, [service.get("/price/unicorn")[0] for _ in range(3)])
        slos = service.wait_for(100)
        available, fast = slos["price-availability"], slos["price-latency"]
        self.assertEqual((100, 7, "breached"), (available["total"], available["bad"], available["verdict"]))
        self.assertEqual(100, fast["total"])
        self.assertLessEqual(fast["bad"], 100)

        code, page = service.get("/slo")
        self.assertEqual(200, code)
        self.assertIn("default-src 'none'", page)
        self.assertEqual(2, page.count("<section id="))
        self.assertIn("<p class=big>93.0000 %</p>", page)
        self.assertIn("7 of 1 bad events", page)
        self.assertEqual(404, service.get("/nothing")[0])
        self.assertEqual((0, "", ""), service.end())

        # The counters of the second run begin anew; what they count adds up.
        service = self.start()
        self.assertEqual(7, service.slos()["price-availability"]["bad"])
        for _ in range(10):
            service.get("/price/broken")
        slos = service.wait_for(110)
        self.assertEqual((110, 17), (slos["price-availability"]["total"], slos["price-availability"]["bad"]))
        self.assertEqual((0, "", ""), service.end())

    def test_says_how_it_is_used(self):
        for words in ([], ["db", "port"], ["db", "1", "2"]):
            done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual((2, "usage: sli_in_a_service DIRECTORY [PORT]\n"), (done.returncode, done.stderr))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
