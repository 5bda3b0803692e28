"""What kinds of accounts and units are called on pages and paper. Pure."""

from typing import Final

ACCOUNT_KINDS: Final = {
    "member": "会员",
    "giveaway": "可赠币",
    "fund": "爱心基金",
    "issuance": "发行",
    "redeemed": "已兑物品",
    "expired": "已过期",
    "clearing": "网点清算",
    "suspense": "待处理",
    "conversion": "网点间折算",
    "rounding": "折算尾数",
    "adjustment": "调整",
}
UNITS: Final = {"coin": "爱心币", "point": "积分"}
