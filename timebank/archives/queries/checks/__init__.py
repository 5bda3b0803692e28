"""What stands in the way of closing a month, check by check; and what does not, but should be known before."""

from timebank.archives.queries.checks.books import check_books, check_last_audit
from timebank.archives.queries.checks.result import CheckResult, as_plain, blocking
from timebank.archives.queries.checks.standing import check_open, check_standing

__all__ = ["CheckResult", "as_plain", "blocking", "check_books", "check_last_audit", "check_open", "check_standing"]
