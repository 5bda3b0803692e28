"""The verbs of 证明. They never commit; a door's unit of work does.

Order of locks: the member, then certificates by id. Corrections hold their members before they withdraw, so that
nothing is certified while it is being set right.
"""

from timebank.certificates.service.issuing import CertificateDraft, Sent, issue, reissue
from timebank.certificates.service.looking import count_look
from timebank.certificates.service.sealing import keep_seal, remove_seal
from timebank.certificates.service.withdrawing import (
    Corrected,
    agree_withdrawal,
    ask_withdrawal,
    decline_withdrawal,
    take_back_withdrawal,
    withdraw_corrected,
)

__all__ = [
    "CertificateDraft",
    "Corrected",
    "Sent",
    "agree_withdrawal",
    "ask_withdrawal",
    "count_look",
    "decline_withdrawal",
    "issue",
    "keep_seal",
    "reissue",
    "remove_seal",
    "take_back_withdrawal",
    "withdraw_corrected",
]
