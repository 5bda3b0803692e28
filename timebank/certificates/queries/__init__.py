"""Reads: what can be certified, whose certificates there are, what strangers may know, what is printed."""

from timebank.certificates.queries.certificates import (
    count_issued,
    find_by_key,
    get_certificate,
    list_listing,
    list_of_member,
    looks_of,
    page_of_branch,
    records_of,
    replaced_ids,
    replacement_of,
    start_of_day,
)
from timebank.certificates.queries.seals import SEAL_PURPOSE, find_seal, open_seal, seal_about
from timebank.certificates.queries.served import list_recorders, list_served
from timebank.certificates.queries.shown import (
    PERSON_PURPOSE,
    Shown,
    content_of,
    find_id,
    find_shown,
    is_untouched,
    open_person,
    stream_certificates,
)
from timebank.certificates.queries.withdrawals import (
    count_waiting,
    find_waiting,
    find_withdrawal_by_key,
    get_withdrawal,
    list_withdrawals,
)

__all__ = [
    "PERSON_PURPOSE",
    "SEAL_PURPOSE",
    "Shown",
    "content_of",
    "count_issued",
    "count_waiting",
    "find_by_key",
    "find_id",
    "find_seal",
    "find_shown",
    "find_waiting",
    "find_withdrawal_by_key",
    "get_certificate",
    "get_withdrawal",
    "is_untouched",
    "list_listing",
    "list_of_member",
    "list_recorders",
    "list_served",
    "list_withdrawals",
    "looks_of",
    "open_person",
    "open_seal",
    "page_of_branch",
    "records_of",
    "replaced_ids",
    "replacement_of",
    "seal_about",
    "start_of_day",
    "stream_certificates",
]
