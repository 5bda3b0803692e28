"""The classes of records: what is kept for ever and why, what has a term, what goes by itself.

Permanent, 30 years and 10 years are the habit of state organs; an association sets its own table. The law on archives
wants an appraisal when a term ends (档案法 art. 24), the law on personal data the shortest time that serves the purpose
(PIPL art. 19).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOKS: Final = ("sheet_looks", "member_looks")
LOOKS_LEAST: Final = 36  # months: who looked at personal data has to stay checkable for three years
MOST_MONTHS: Final = 1200
_THIRTY_YEARS, _TEN_YEARS = 360, 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Records that may be destroyed after a term: usual and shortest months, whether they hang on an activity."""

    name: str
    months: int
    least: int
    why: str
    of_activity: bool = False
    leaves: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Records without a term to set: how long, and why."""

    name: str
    how_long: str
    why: str


DISPOSABLE: Final[dict[str, Kind]] = {
    "sheet_photos": Kind(
        name="签到单照片",
        months=36,
        least=12,
        of_activity=True,
        why="有笔迹和姓名。入账、封签以后只在有争议时要看，时间越短越好。",
        leaves="留下页码、上传人、时间和照片的校验值；拿出照片还能验证是不是那一张。",
    ),
    "scan_evidence": Kind(
        name="扫码的设备证据",
        months=24,
        least=12,
        of_activity=True,
        why="设备指纹、时钟误差、卡号，用来判断那次扫码。入账、封签以后不再要。",
        leaves="扫码本身（时间、来源、经手人、算不算数）永久保存。",
    ),
    "unread_scans": Kind(
        name="认不出的码",
        months=12,
        least=6,
        of_activity=True,
        why="没有写明是谁的码，不产生时长。",
        leaves="销毁清单里留下班次和时间。",
    ),
    "notices": Kind(
        name="读过的通知",
        months=24,
        least=6,
        why="事情本身都有各自的记录，通知只是告诉一声。",
        leaves="没有读的通知一直留着。",
    ),
    "sheet_looks": Kind(
        name="看照片的记录",
        months=60,
        least=LOOKS_LEAST,
        of_activity=True,
        why="谁看过带笔迹的照片，至少三年内要查得到。",
        leaves="销毁清单里留下哪一次。",
    ),
    "member_looks": Kind(
        name="看完整号码的记录",
        months=60,
        least=LOOKS_LEAST,
        why="谁看过证件号、电话，至少三年内要查得到。",
        leaves="销毁清单里留下哪一次。",
    ),
}
AUTOMATIC: Final = (
    Kept(name="登录失败的次数", how_long="15 分钟", why="只用来防猜密码，到时自动删除。"),
    Kept(name="定时任务的运行记录", how_long="90 天", why="只用来看任务有没有按时跑；没有事做的两天就删。"),
    Kept(name="没有导入的名册", how_long="7 天", why="上传了没有导入，里面有个人信息，到时自动删除。"),
)
PERMANENT: Final = (
    Kept(name="账本：分录、划转、账期、封签", how_long="永久", why="每一枚爱心币都从这里算出来，少一笔就对不上。"),
    Kept(name="月度归档包", how_long="永久", why="封签一个接一个，少一个月链就断了。"),
    Kept(name="扫码、服务记录、审批、更正", how_long="永久", why="是分录的凭据：账上有一笔，就要说得清从哪里来。"),
    Kept(name="疑问扫码和决定", how_long="永久", why="说明为什么算数或者不算。"),
    Kept(name="活动、班次、报名、缺席", how_long="永久", why="服务记录要写明活动名称、时间、地点、内容。"),
    Kept(name="纸质签到单的行和录入", how_long="永久", why="照片销毁以后，靠它们知道纸上写过什么。"),
    Kept(name="志愿服务证明", how_long="永久", why="几十年后还会有人拿来核对。"),
    Kept(name="会员登记和同意书", how_long="永久", why="服务记录要认得出是谁；本人要求删除的，另按个人信息的办法办。"),
    Kept(
        name="兑换单、兑换物品的照片、争议",
        how_long="永久",
        why="是兑换分录的凭据；照片是活动物品的样子，不含个人信息。",
    ),
    Kept(name="点单、赠与、帮扶、共建协议", how_long="永久", why="是分录或者承诺的凭据。"),
    Kept(name="网点之间的清算和对账单", how_long="永久", why="双方的账要一直对得上。"),
    Kept(
        name="佐证包、抽查、年度数据、上报的登记", how_long="永久", why="登记里没有文件本身，只有谁、什么时候、为什么。"
    ),
    Kept(name="结账经过、账本自检、归档包复查", how_long="永久", why="说明账一直有人查，每天几行，占不了地方。"),
    Kept(name="保管期限、销毁清单、暂停销毁", how_long="永久", why="销毁了什么、谁签的字，要永远说得清。"),
    Kept(name="单位信息的查看记录", how_long="永久", why="数量很少。"),
)


def class_of(months: int) -> str:
    """The class of a term: what state organs would call it."""
    if months >= _THIRTY_YEARS:
        return "长期（30 年以上）"
    return "定期（10 年以上）" if months >= _TEN_YEARS else "短期"
