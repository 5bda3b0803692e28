"""Reads: versions of rules, what a change would have done, what expires soon."""

from timebank.rulebook.queries.versions import (
    find_by_key,
    find_rule,
    find_rules,
    find_versions,
    list_rules,
    version_of,
)

__all__ = ["find_by_key", "find_rule", "find_rules", "find_versions", "list_rules", "version_of"]
