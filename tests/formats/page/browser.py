"""A headless Chromium, spoken to over its debugging pipe: no port, no library.

    with Browser(path) as browser:
        page = browser.open("file:///tmp/a.html", width=1280, dark=True)
        page.run("document.title")
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

TIMEOUT_S = 60


def find():
    """The command of a Chromium, or None."""
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


class Browser:
    def __init__(self, command):
        self.folder = tempfile.mkdtemp(prefix="hygge_browser.")
        to_browser, from_us = os.pipe()
        from_browser, to_us = os.pipe()

        def connect():  # the browser reads from 3 and writes to 4
            keep_in, keep_out = os.dup(to_browser), os.dup(to_us)
            os.dup2(keep_in, 3)
            os.dup2(keep_out, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(
            [command, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
             f"--user-data-dir={self.folder}/profile", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=connect, start_new_session=True, env=os.environ | {"HOME": self.folder})
        os.close(to_browser)
        os.close(to_us)
        self.write_to, self.read_from = from_us, from_browser
        self.pending, self.events, self.last = b"", [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("Browser.close")
        except (OSError, RuntimeError):
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.write_to)
        os.close(self.read_from)
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, ends):
        """The next message, or None when the time is up."""
        while b"\0" not in self.pending:
            left = ends - time.monotonic()
            if left <= 0 or not select.select([self.read_from], [], [], left)[0]:
                return None
            piece = os.read(self.read_from, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has gone")
            self.pending += piece
        one, _, self.pending = self.pending.partition(b"\0")
        return json.loads(one)

    def ask(self, method, session=None, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write_to, data):]
        ends = time.monotonic() + TIMEOUT_S
        while (got := self.message(ends)) is not None:
            if got.get("id") == self.last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.events.append(got)
        raise RuntimeError(f"{method}: no answer within {TIMEOUT_S} s")

    def open(self, url, width=1280, height=900, dark=False, media=""):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(domain + ".enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.media("dark" if dark else "light", media)
        page.ask("Page.navigate", url=url)
        page.wait("Page.loadEventFired")
        page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def media(self, scheme, media=""):
        self.ask("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": scheme}])

    def wait(self, event):
        ends = time.monotonic() + TIMEOUT_S
        while not any(one.get("method") == event and one.get("sessionId") == self.session for one in self.browser.events):
            got = self.browser.message(ends)
            if got is None:
                raise RuntimeError(f"no {event} within {TIMEOUT_S} s")
            self.browser.events.append(got)

    def run(self, script):
        """The value of an expression; promises are waited for."""
        got = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(json.dumps(got["exceptionDetails"])[:500])
        return got["result"].get("value")

    def complaints(self):
        """What the page wrote to its console, what it threw, what the browser logged about it."""
        out = []
        for event in self.mine():
            method, params = event["method"], event["params"]
            if method == "Runtime.consoleAPICalled":
                out.append("console: " + " ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"]))
            elif method == "Runtime.exceptionThrown":
                out.append("thrown: " + json.dumps(params["exceptionDetails"])[:500])
            elif method == "Log.entryAdded" and "willReadFrequently" not in params["entry"]["text"]:  # advice to us
                out.append("log: " + params["entry"]["text"])
        return out

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.mine() if event["method"] == "Network.requestWillBeSent"]

    def mine(self):
        return [event for event in self.browser.events if event.get("sessionId") == self.session]

    def picture(self, path, whole=True):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"] if whole else None
        clip = {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}} if whole else {}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **clip)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))
