"""Pages of 证明: one's own, at the counter, the branch's desk, and the public one."""

from timebank.certificates.views import counter, desk, mine, public
from timebank.certificates.views.base import blueprint

__all__ = ["blueprint", "counter", "desk", "mine", "public"]
