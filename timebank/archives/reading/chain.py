"""Several packages together: the months of a branch follow each other, and no file wandered from one to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from timebank.archives.reading.about import About, Report
from timebank.archives.reading.damage import Damage
from timebank.core.clock import next_month


def check_chain(reports: Sequence[Report]) -> None:
    """Add to the reports what only shows when they are held beside each other."""
    _name_wandered(reports)
    branches: dict[str, list[tuple[About, Report]]] = defaultdict(list)
    for report in reports:
        if report.about is not None:
            branches[report.about.branch_code].append((report.about, report))
    for packages in branches.values():
        packages.sort(key=lambda one: (one[0].month, one[0].version))
        for (before, _), (after, report) in pairwise(packages):
            if damage := _link(before, after):
                report.add(damage)


def _link(before: About, after: About) -> Damage | None:
    if before.month == after.month:  # a corrected package of the same month
        same = before.seal == after.seal
        return None if same else Damage("broken_chain", after.month, "同一个月的两个包封签不同")
    expected = next_month(before.month)
    if after.month != expected:
        months = expected if next_month(expected) == after.month else f"{expected} 到 {after.month} 之间的月份"
        return Damage("missing_month", months, f"{before.month} 之后应当是 {expected}，这里是 {after.month}")
    if after.previous_seal != before.seal:
        return Damage("broken_chain", after.month, f"写的前月封签不是 {before.month} 这个包的封签")
    return None


def _name_wandered(reports: Sequence[Report]) -> None:
    """A changed file that is, byte for byte, another month's was not changed but swapped."""
    home: dict[tuple[str, str], str] = {}
    for report in reports:
        if report.about is not None and report.signed:
            home.update(dict.fromkeys(report.listed.items(), report.about.month))
    for report in reports:
        for at, damage in enumerate(report.damages):
            month = home.get((damage.about, report.digests.get(damage.about, "")))
            if damage.kind == "changed_file" and month is not None:
                report.damages[at] = replace(damage, kind="swapped_month", seen=f"是 {month} 的那一份")
