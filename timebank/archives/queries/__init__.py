"""Reads for closing, packing and showing months."""

from timebank.archives.queries.audits import (
    AuditView,
    NoSuchRun,
    audit_report,
    get_audit,
    is_stale,
    latest_audit,
    page_audits,
)
from timebank.archives.queries.checks import Finding, blocking, preview_warnings, unsettled, warnings
from timebank.archives.queries.months import (
    STATE_NAMES,
    MonthUnknown,
    MonthView,
    NoPackage,
    PackageLost,
    find_archive,
    get_archive,
    get_month,
    list_archives,
    list_months,
    list_runs,
    list_unfinished,
    list_versions,
)
from timebank.archives.queries.tables import Members, list_member_rows

__all__ = [
    "STATE_NAMES",
    "AuditView",
    "Finding",
    "Members",
    "MonthUnknown",
    "MonthView",
    "NoPackage",
    "NoSuchRun",
    "PackageLost",
    "audit_report",
    "blocking",
    "find_archive",
    "get_archive",
    "get_audit",
    "get_month",
    "is_stale",
    "latest_audit",
    "list_archives",
    "list_member_rows",
    "list_months",
    "list_runs",
    "list_unfinished",
    "list_versions",
    "page_audits",
    "preview_warnings",
    "unsettled",
    "warnings",
]
