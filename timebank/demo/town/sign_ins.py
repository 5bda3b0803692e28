"""Who can sign in to the town, one per role. These are no secrets: they are shown to everybody in demo mode only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# One for all: people who try the town out sign in and out of it all day.
PASSWORD: Final = "hongling-2012"  # noqa: S105 - public on purpose


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A way in: the role as shown, the person and their branch, and what to type."""

    role: str
    name: str
    branch: str
    login: str
    password: str = PASSWORD

    @property
    def who(self) -> str:
        """The person as shown: 胡菊芬（大碶红领之家）."""
        return f"{self.name}（{self.branch}）"


def phone(number: int) -> str:
    """A mobile number that nobody has: 160 is given to no operator."""
    return f"1600000{number:04d}"


def _sign_in(number: int, role: str, name: str, branch: str) -> SignIn:
    return SignIn(role=role, name=name, branch=branch, login=phone(number))


SIGN_INS: Final = (
    _sign_in(1, "志愿者", "胡菊芬", "大碶红领之家"),
    _sign_in(2, "志愿者，提供理发", "周阿明", "大碶红领之家"),
    _sign_in(3, "活动组织者", "虞海波", "大碶红领之家"),
    _sign_in(4, "网点管理员", "贺雅芬", "大碶红领之家"),
    _sign_in(5, "监督员", "邬建明", "大碶红领之家"),
    _sign_in(6, "系统管理员", "沃静波", "全部网点"),
    _sign_in(7, "活动组织者", "励佳宁", "新碶向阳站"),
    _sign_in(8, "网点管理员", "顾旭东", "新碶向阳站"),
    _sign_in(9, "监督员", "忻惠琴", "新碶向阳站"),
    _sign_in(10, "网格员", "竺建芬", "大碶红领之家"),
)
