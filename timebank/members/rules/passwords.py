"""What a password must be: long enough, and not what everybody tries first (NIST SP 800-63B asks for no more)."""

from __future__ import annotations

import unicodedata

from timebank.core.errors import Invalid

SHORTEST = 8
LONGEST = 128
_COMMON = (
    "12345678 123456789 1234567890 0123456789 87654321 88888888 66666666 11223344 password password1 passw0rd "
    "qwertyui qwerty123 1qaz2wsx abc12345 abcd1234 a1234567 a12345678 aa123456 woaini520 woaini1314 5201314520 "
    "iloveyou 147258369 asdfghjkl zxcvbnm123 admin123 12341234 31415926 13145200"
)
_TRIED_FIRST = frozenset(_COMMON.split())


class WeakPassword(Invalid):
    """The password is too short or the first that anybody would try."""

    code = "members.weak_password"
    text = "{why}"

    def __init__(self, *, why: str, field: str = "password") -> None:
        super().__init__(fields={field: why}, why=why)


def tidy_password(typed: str) -> str:
    """The password as it is hashed: full-width and half-width letters are the same on a Chinese keyboard."""
    return unicodedata.normalize("NFKC", typed).strip()


def check_password(password: str, *, phone: str = "", number: str = "") -> None:
    """Refuse a tidied password that protects nothing. Raises WeakPassword."""
    if len(password) < SHORTEST:
        raise WeakPassword(why=f"密码至少要 {SHORTEST} 位，可以把几个词的拼音连起来。")
    if len(password) > LONGEST:
        raise WeakPassword(why=f"密码最长 {LONGEST} 位。")
    if phone and (phone in password or password in phone):
        raise WeakPassword(why="密码不能用手机号：知道号码的人一试就进来了。")
    if number and password.upper() == number:
        raise WeakPassword(why="密码不能用会员号。")
    if len(set(password)) < 3 or password.lower() in _TRIED_FIRST:
        raise WeakPassword(why="这个密码太常见，别人最先会试它，请换一个。")
