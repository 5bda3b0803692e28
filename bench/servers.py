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


@dataclass(frozen=True)
class Server:
    """A running gunicorn: where it listens, and its first process."""

    port: int
    pid: int

    def workers(self) -> list[int]:
        """The processes that answer."""
        return [int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def ask(
        self, method: str, path: str, form: Mapping[str, str], cookies: dict[str, str], *, status: int = 200
    ) -> str:
        """One request of a browser that keeps its cookies (``cookies`` is changed); the page. Raises RuntimeError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, urlencode(form), Post(path, form, cookies).headers())
        response = connection.getresponse()
        page = response.read().decode()
        connection.close()
        if response.status != status:
            raise RuntimeError(f"{path} answered {response.status}")
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            cookies[name] = value
        return page


@contextmanager
def served(application: str, environment: Mapping[str, str], *, workers: int = 1, threads: int = 8) -> Iterator[Server]:
    """A gunicorn (as ``make run`` starts it, unless told otherwise) that serves ``module:app``."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", application, "--no-control-socket", "--preload"),
        *("--worker-class", "gthread"),
        *("--workers", str(workers), "--threads", str(threads)),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "warning"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        _wait_for(port)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def post_all(server: Server, posts: Sequence[Post], *, status: int) -> float:
    """Send the requests one after another over one connection; requests per second. Any other status is an error."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
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
