"""A small reader of hledger journals, so that a test can do the sums without hledger and without our own code.

It knows what our exports use: comments, directives ``commodity`` and ``account``, transactions with one amount per
posting. Whatever else it meets, an undeclared name and a transaction that does not balance are errors.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date

_TITLE = re.compile(r"(\d{4}-\d\d-\d\d) \* (?:\(\d+\) )?\S.*")
_POSTING = re.compile(r"    (?P<account>\S+)  (?P<amount>-?\d+) (?P<commodity>[A-Z]+)")


class BadJournal(ValueError):
    """The text is no journal that hledger would take."""


def balances(text: str) -> dict[str, dict[str, int]]:
    """What stands on each account per commodity at the end; a debit is positive, as in the journal."""
    commodities: set[str] = set()
    accounts: set[str] = set()
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for block in _blocks(text):
        first = block[0]
        if first.startswith(("commodity ", "account ")):
            for line in block:
                word, _, rest = line.partition(" ")
                (commodities if word == "commodity" else accounts).add(rest.removeprefix("1000. "))
            continue
        _read_transaction(block, commodities, accounts, found)
    return {account: dict(amounts) for account, amounts in found.items()}


def _blocks(text: str) -> list[list[str]]:
    """Runs of lines between empty ones, without whole-line comments."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if not line.strip():
            blocks.append([])
        elif not line.startswith(";"):
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _read_transaction(
    block: list[str], commodities: set[str], accounts: set[str], found: dict[str, dict[str, int]]
) -> None:
    title = _TITLE.fullmatch(block[0])
    if title is None:
        raise BadJournal(block[0])
    date.fromisoformat(title[1])
    sums: dict[str, int] = defaultdict(int)
    for line in block[1:]:
        posting = _POSTING.fullmatch(line)
        if posting is None or posting["account"] not in accounts or posting["commodity"] not in commodities:
            raise BadJournal(line)
        amount = int(posting["amount"])
        sums[posting["commodity"]] += amount
        found[posting["account"]][posting["commodity"]] += amount
    if len(block) == 1 or any(sums.values()):
        raise BadJournal(f"{block[0]} does not balance")
