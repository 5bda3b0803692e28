"""The verbs of the rules. They never commit; a door's unit of work does.

Order of locks, always: what the caller locks, members in the order of their ids, then the ledger's own.
"""

from timebank.rulebook.service.accounts import giveaway_accounts, lock_members
from timebank.rulebook.service.earning import Earner, Service, Shares, capped_daily, rules_on, share_out
from timebank.rulebook.service.expiring import expire_coins
from timebank.rulebook.service.versions import BadRule, NothingChanged, RuleDraft, add_rule, check_rule

__all__ = [
    "BadRule",
    "Earner",
    "NothingChanged",
    "RuleDraft",
    "Service",
    "Shares",
    "add_rule",
    "capped_daily",
    "check_rule",
    "expire_coins",
    "giveaway_accounts",
    "lock_members",
    "rules_on",
    "share_out",
]
