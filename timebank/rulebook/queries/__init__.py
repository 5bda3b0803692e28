"""Reads: versions of rules, what a change would have done, what expires soon."""

from timebank.rulebook.queries.expiring import Due, expires_soon, list_due
from timebank.rulebook.queries.trial import Trial, try_rules
from timebank.rulebook.queries.versions import (
    find_by_key,
    find_rule,
    find_rules,
    find_versions,
    list_rules,
    named_rule,
    version_of,
)

__all__ = [
    "Due",
    "Trial",
    "expires_soon",
    "find_by_key",
    "find_rule",
    "find_rules",
    "find_versions",
    "list_due",
    "list_rules",
    "named_rule",
    "try_rules",
    "version_of",
]
