"""A month between two branches as both books tell it: where they are equal, and what of it is left over where not.

A line begins with ``[document, posted at, 1 if it undoes something, minutes]``, minutes as the low branch came to owe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from timebank.clearing.rules.heaps import DIFFERS, ONLY_HIGH, ONLY_LOW

Line = Sequence[Any]
VERSION: Final = ("opening", "closing", "lines")  # what one book says of a month


def version_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What one book says of a month, out of what a statement says."""
    return {name: fields[name] for name in VERSION}


def versions_in(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a sealed statement says that the low and the high branch had: once where both had the same."""
    if "by_low" in fields:
        return fields["by_low"], fields["by_high"]
    return version_of(fields), version_of(fields)


def sort_documents(low: Iterable[Line], high: Iterable[Line]) -> dict[str, list[list[Any]]]:
    """Document by document what two books have of a month and do not both have alike, in heaps."""
    ours, theirs = _sums(low), _sums(high)
    heaps: dict[str, list[list[Any]]] = {ONLY_LOW: [], ONLY_HIGH: [], DIFFERS: []}
    for document in sorted({*ours, *theirs}):
        one, other = ours.get(document, 0), theirs.get(document, 0)
        if one == other:
            continue
        heap = ONLY_LOW if not other else ONLY_HIGH if not one else DIFFERS
        heaps[heap].append([document, one, other])
    return heaps


def left_over(carried: Mapping[str, int], low: Iterable[Line], high: Iterable[Line]) -> dict[str, int]:
    """What the low book has more than the high one, by document: earlier months' and this one's together."""
    ours, theirs = _sums(low), _sums(high)
    more = {
        document: carried.get(document, 0) + ours.get(document, 0) - theirs.get(document, 0)
        for document in sorted({*carried, *ours, *theirs})
    }
    return {document: minutes for document, minutes in more.items() if minutes}


def _sums(lines: Iterable[Line]) -> dict[str, int]:
    found: dict[str, int] = {}
    for document, _, _, minutes, *_ in lines:
        found[document] = found.get(document, 0) + minutes
    return found
