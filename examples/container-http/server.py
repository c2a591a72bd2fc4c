"""A model service that is its own web server: GET /ping says it is up, POST /invocations scores.

The "model" is a small polynomial; Python's standard library is all it needs.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COEFFICIENTS = (0.5, -1.25, 3.0, 0.125)
PORT = 8080


def predict(values):
    return [sum(c * x**power for power, c in enumerate(COEFFICIENTS)) for x in values]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: without this, the second waits 40 ms for the first's receipt.
    disable_nagle_algorithm = True

    def do_GET(self):
        found = self.path == "/ping"
        self.answer(200 if found else 404, {"status": "up" if found else "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invocations":
            self.answer(404, {"error": "no such page"})
            return
        try:
            self.answer(200, {"predictions": predict(json.loads(body)["instances"])})
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": repr(error)})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """No access log: at thousands of requests a second it would be most of the work."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
