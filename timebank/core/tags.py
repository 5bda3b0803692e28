"""Purposes of codes: every code of ours begins with the tag of its purpose, and this is the one list of them.

Each has keys of its own (``core.keys``: HKDF by purpose and generation), so a code of one purpose is no code of another
even if somebody changes its tag. No tag begins another. Tags are of the code alphabet (``core.codes``): Z, O, I and L
are read as the digits they look like and cannot stand in one.

| Tag | What, and what proves it | Read by | What it may do |
|---|---|---|---|
| V1 | screen at the door, new every 20 s: HMAC ``code/venue`` | its reader's phone | check the reader in or out |
| S1 | poster of one shift: HMAC ``code/poster`` and its row | the same | the same, flagged for review |
| P1 | personal code to type: HMAC ``code/personal`` and the card | staff | name a member |
| P2 | personal pass in a QR: Ed25519 ``signature/pass/personal`` | staff, also offline | name a member |
| D | voucher: nine random characters, stored | who fulfils the order | fulfil it, never one's own |
| F1 | list on paper: random, stored; no secret | staff | find the list to photograph and type |
| C1 | certificate of service: thirteen random characters, stored | anybody | see masked name, hours, issuer and state |
| HL | member number (read as H1): no secret at all | staff | name a member to staff |

Naming a member authorises nothing by itself: coins move by the member's own hand or by a voucher.
"""

from __future__ import annotations

from typing import Final

VENUE: Final = "V1"
POSTER: Final = "S1"
PERSONAL: Final = "P1"
SCANNED: Final = "P2"
VOUCHER: Final = "D"
SHEET: Final = "F1"
CERTIFICATE: Final = "C1"
MEMBER: Final = "H1"

TAG_NAMES: Final = {
    VENUE: "现场签到码",
    POSTER: "签到海报上的码",
    PERSONAL: "个人码",
    SCANNED: "个人码",
    VOUCHER: "兑换券",
    SHEET: "纸质登记单的单号",
    CERTIFICATE: "服务证明编号",
    MEMBER: "会员号",
}


def find_tag(code: str) -> str | None:
    """The tag that a tidied code begins with; None when it is none of ours."""
    return next((tag for tag in TAG_NAMES if code.startswith(tag)), None)
