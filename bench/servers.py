"""Real server processes for figures that go over HTTP: gunicorn as ``make run`` starts it, and one plain client."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 30


@dataclass(frozen=True)
class Post:
    """One POST: path, form fields, cookies."""

    path: str
    form: Mapping[str, str]
    cookies: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        """What a browser sends with it."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Content-Type": "application/x-www-form-urlencoded", **({"Cookie": cookie} if cookie else {})}


@contextmanager
def served(application: str, environment: Mapping[str, str]) -> Iterator[int]:
    """The port of a gunicorn (one worker, eight threads) that serves ``module:app``."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", application, "--worker-class", "gthread"),
        *("--workers", "1", "--threads", "8", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def post_all(port: int, posts: Sequence[Post], *, status: int) -> float:
    """Send the requests one after another over one connection; requests per second. Any other status is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    prepared = [(post.path, urlencode(post.form), post.headers()) for post in posts]
    start = time.perf_counter()
    for path, body, headers in prepared:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        if response.status != status:
            raise RuntimeError(f"{path} answered {response.status}")
    taken = time.perf_counter() - start
    connection.close()
    return len(posts) / taken


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
