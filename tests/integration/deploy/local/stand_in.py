"""A stand-in for one of our processes: answers /readyz, keeps what it was told, and has a child of its own."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    """Ready, always."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def keep_what_we_were_told() -> None:
    Path(os.environ["STATE_DIR"], "environment.json").write_text(json.dumps(dict(os.environ)), encoding="utf-8")


def main() -> None:
    keep_what_we_were_told()
    match sys.argv[1]:
        case "ready":
            sys.stderr.write("started\n")
            child = subprocess.Popen(["sleep", "600"])
            Path(os.environ["STATE_DIR"], "child").write_text(str(child.pid), encoding="utf-8")
            HTTPServer((os.environ["HEALTH_HOST"], int(os.environ["HEALTH_PORT"])), Health).serve_forever()
        case "fails":
            sys.exit("a setting is missing: SOMETHING")
        case "prepares":
            sys.exit(0)


if __name__ == "__main__":
    main()
