"""A square at seven in the morning: hundreds of phones, each its own requests in order, many at once.

``Phone`` is a person's phone: its cookies and the requests it is going to make. Processes of threads make them, one
connection per thread. A request whose answer is lost (thrown away by us, or gone with a killed worker) is sent again
as it was, form key and all, until it is answered.
"""

from __future__ import annotations

import http.client
import itertools
import json
import multiprocessing
import os
import queue
import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from urllib.parse import urlencode

from bench.servers import Server

PROCESSES = 2
THREADS = 16  # in each process: 32 requests at once
TRIES = 200
LOSE_EVERY = 10
_PAUSE = 0.05  # before the same request is sent again
_IDLE = 1.0  # the server closes a connection that was silent for two seconds
_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, kw_only=True)
class Press:
    """One POST, which status answers it, and whether its first answer is thrown away."""

    name: str
    path: str
    body: str
    headers: dict[str, str]
    status: int
    throw_away: bool = False


@dataclass(frozen=True, kw_only=True)
class Answered:
    """When a press was first sent and finally answered (monotonic seconds), by how many tries, and how."""

    name: str
    sent: float
    answered: float
    last_try: float  # seconds that the answered try took
    tries: int
    status: int


@dataclass
class Phone:
    """A person's presses, made one after another."""

    presses: list[Press]
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: int = 0


def form_press(name: str, path: str, form: dict[str, str], cookies: dict[str, str], *, status: int = 303) -> Press:
    """A press as a browser sends a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": _cookie(cookies)}
    return Press(name=name, path=path, body=urlencode(form), headers=headers, status=status)


def json_press(name: str, path: str, data: object, cookies: dict[str, str], token: str) -> Press:
    """A press as a script sends data, under the page's form token."""
    headers = {"Content-Type": "application/json", "Cookie": _cookie(cookies), "X-CSRFToken": token}
    return Press(name=name, path=path, body=json.dumps(data), headers=headers, status=200)


def _cookie(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


class Crowd:
    """Processes that hold phones and wait for the word."""

    def __init__(self, port: int, phones: Sequence[Sequence[Press]]) -> None:
        self._crew = []
        for place in range(PROCESSES):
            ours, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(
                target=_make_them, args=(theirs, port, list(phones[place::PROCESSES])), daemon=True
            )
            process.start()
            self._crew.append((process, ours))
        for _, pipe in self._crew:
            pipe.recv()  # stands ready

    def go(self) -> None:
        """The word."""
        for _, pipe in self._crew:
            pipe.send("go")

    def answers(self) -> list[Answered]:
        """All answers, when everybody has theirs. Raises RuntimeError with what went wrong in a process."""
        found: list[Answered] = []
        for process, pipe in self._crew:
            answer = pipe.recv()
            process.join()
            if isinstance(answer, str):
                raise RuntimeError(answer)
            found += answer
        return found


def _make_them(pipe: Connection, port: int, phones: list[list[Press]]) -> None:
    held = [Phone(presses=presses) for presses in phones]
    turns: queue.SimpleQueue[Phone | None] = queue.SimpleQueue()
    longest = max((len(phone.presses) for phone in held), default=0)
    for turn in range(longest):
        for phone in held:
            if turn < len(phone.presses):
                turns.put(phone)
    for _ in range(THREADS):
        turns.put(None)
    answers: list[Answered] = []
    faults: list[str] = []
    threads = [threading.Thread(target=_work, args=(port, turns, answers, faults)) for _ in range(THREADS)]
    pipe.send("ready")
    pipe.recv()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send(faults[0] if faults else answers)


def _work(port: int, turns: queue.SimpleQueue[Phone | None], answers: list[Answered], faults: list[str]) -> None:
    line = _Line(port)
    try:
        while (phone := turns.get()) is not None and not faults:
            with phone.lock:
                press = phone.presses[phone.done]
                phone.done += 1
                answers.append(line.make(press))
    except Exception as error:  # what happened is told to whoever asks for the answers
        faults.append(f"{type(error).__name__}: {error}")
    line.close()


class _Line:
    """One connection, opened again when it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: http.client.HTTPConnection | None = None
        self._used = 0.0

    def make(self, press: Press) -> Answered:
        sent = time.monotonic()
        for tries in itertools.count(1):
            began = time.monotonic()
            try:
                status = self._send(press)
            except (OSError, http.client.HTTPException):
                self.close()
                if tries == TRIES:
                    raise
                time.sleep(_PAUSE)
                continue
            if press.throw_away and tries == 1:
                self.close()
                continue
            now = time.monotonic()
            if status != press.status:
                raise RuntimeError(f"{press.name} was answered with {status}")
            return Answered(name=press.name, sent=sent, answered=now, last_try=now - began, tries=tries, status=status)
        raise AssertionError("unreachable")

    def _send(self, press: Press) -> int:
        if time.monotonic() - self._used > _IDLE:
            self.close()
        if self._open is None:
            self._open = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        self._open.request("POST", press.path, press.body, press.headers)
        response = self._open.getresponse()
        response.read()
        self._used = time.monotonic()
        return response.status

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None


def all_at_once(server: Server, phones: Sequence[Sequence[Press]], *, kill: bool) -> list[Answered]:
    """Everybody's presses, until all are answered; with ``kill`` a worker is killed twice meanwhile."""
    crowd = Crowd(server.port, phones)
    crowd.go()
    if kill:
        luck = random.Random(7)
        for _ in range(2):
            time.sleep(luck.uniform(3, 6))
            os.kill(luck.choice(server.workers()), signal.SIGKILL)
    return crowd.answers()


def losing(phones: Sequence[Sequence[Press]]) -> list[list[Press]]:
    """The same phones, but the first answer of every tenth press is thrown away."""
    number = itertools.count(1)
    return [[replace(press, throw_away=next(number) % LOSE_EVERY == 0) for press in phone] for phone in phones]


def rate(answers: Sequence[Answered]) -> float:
    """Presses answered a second, from the first that was sent to the last answer."""
    return len(answers) / (max(each.answered for each in answers) - min(each.sent for each in answers))


def percentile(values: Sequence[float], share: int) -> float:
    """The value that ``share`` percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def longest_silence(answers: Sequence[Answered]) -> float:
    """The longest stretch in which nobody was answered, in seconds."""
    moments = sorted(each.answered for each in answers)
    return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)
