"""How figures are taken: ours and a plain baseline in turn, so that a noisy machine disturbs both alike."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping


def compare(name: str, unit: str, ours: Callable[[], float], baseline: Callable[[], float], rounds: int = 5) -> None:
    """Print one line of JSON with the medians of alternating rounds and ours divided by the baseline.

    Both callables answer with one measurement in ``unit``; ``seconds`` makes such a callable of a piece of work.
    """
    mine: list[float] = []
    plain: list[float] = []
    for number in range(rounds):
        pair = [(mine, ours), (plain, baseline)]
        for taken, measure in pair if number % 2 == 0 else reversed(pair):
            taken.append(measure())
    value, base = statistics.median(mine), statistics.median(plain)
    figure = {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "baseline": round(base, 4),
        "ratio": round(value / base, 3) if base else None,
    }
    print(json.dumps(figure, ensure_ascii=False), flush=True)


def in_turn(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Several measurements, round after round and in both directions."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        order = list(measures)[:: 1 if number % 2 == 0 else -1]
        for name in order:
            taken[name].append(measures[name]())
    return taken


def medians(measures: Mapping[str, Callable[[], float]], rounds: int = 5) -> dict[str, float]:
    """The median of each of several measurements, taken in turn."""
    return {name: statistics.median(values) for name, values in in_turn(measures, rounds).items()}


def say(name: str, unit: str, value: float, baseline: float, **more: object) -> None:
    """Print one figure as a line of JSON: the value, its baseline, the value divided by it."""
    figure = {"name": name, "value": round(value, 4), "unit": unit, "baseline": round(baseline, 4)}
    ratio = round(value / baseline, 3) if baseline else None
    print(json.dumps(figure | {"ratio": ratio} | more, ensure_ascii=False), flush=True)


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """A measurement: how long ``work`` takes."""

    def measure() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return measure
