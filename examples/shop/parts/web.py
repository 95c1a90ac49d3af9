"""A small threaded HTTP server: what the shop's parts have in common."""

import http.server
import socketserver

from metrics import CONTENT_TYPE


class Handler(http.server.BaseHTTPRequestHandler):
    """Subclasses answer in `route(method, path)`; /metrics is answered here."""

    registry = None  # set by serve()
    timeout = 10

    def do_GET(self):
        if self.path == "/metrics":
            self.reply(200, self.registry.page(), CONTENT_TYPE)
        else:
            self.route("GET", self.path)

    def do_POST(self):
        self.route("POST", self.path)

    def do_PUT(self):
        self.route("PUT", self.path)

    def route(self, method, path):
        self.reply(404, "no such page\n")

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, code, text, content_type="text/plain; charset=utf-8"):
        data = text.encode()
        try:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # the client has gone; its problem is not ours

    def log_message(self, format, *args):
        pass  # nginx writes the access log


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer's asks the DNS for our name


def serve(port, registry, handler):
    """Serves on 127.0.0.1:`port` until the process is ended."""
    handler.registry = registry
    with Server(("127.0.0.1", port), handler) as server:
        server.serve_forever()
