"""The one permission table: permission → role → how far it reaches. Services ask it; pages only hide buttons.

Reach: ``own`` the actor's own things · ``branch`` where the role was granted (a branch, or the branches of an area)
· ``all`` everywhere. A role that is not in a row has no right to it. Everybody signed in is at least a volunteer.
"""

from __future__ import annotations

from typing import Final, Literal

Reach = Literal["own", "branch", "all"]

ROLES: Final[dict[str, str]] = {
    "volunteer": "志愿者",
    "grid_worker": "网格员",
    "organiser": "活动组织者",
    "manager": "网点管理员",
    "inspector": "监督员",
    "administrator": "系统管理员",
}


def _row(**reach: Reach) -> dict[str, Reach]:
    return dict(reach)


_STAFF = _row(organiser="branch", manager="branch", administrator="all")
_MANAGERS = _row(manager="branch", administrator="all")
_EVERYONE = _row(volunteer="own")
_READERS = _row(manager="branch", inspector="branch", administrator="all")

PERMISSIONS: Final[dict[str, dict[str, Reach]]] = {
    # 我的: every signed-in person, for themselves
    "me.read": _EVERYONE,
    "me.change": _EVERYONE,
    # 区域 · 网点
    "area.read": _READERS,
    "area.change": _row(administrator="all"),
    "branch.read": _READERS,
    "branch.change": _MANAGERS,
    # 会员
    "member.read": _row(organiser="branch", manager="branch", inspector="branch", administrator="all"),
    "member.register": _MANAGERS,
    "member.approve": _MANAGERS,
    "member.change": _MANAGERS,
    "member.unmask": _MANAGERS,
    "member.import": _MANAGERS,
    "role.grant": _MANAGERS,
    "role.grant_administrator": _row(administrator="all"),
    "team.change": _MANAGERS,
    "organisation.read": _row(organiser="branch", manager="branch", inspector="branch", administrator="all"),
    "organisation.change": _MANAGERS,
    "family.own": _EVERYONE,
    "family.change": _MANAGERS,
    "paper.record": _MANAGERS,
    "guardian.record": _STAFF,
    # 活动
    "activity.post": _STAFF,
    "activity.change": _STAFF,
    "sign_up.own": _EVERYONE,
    "sign_up.others": _STAFF,
    "no_show.own": _EVERYONE,
    "no_show.record": _STAFF,
    "no_show.decide": _STAFF,
    # 签到 · 服务记录
    "check_in.own": _EVERYONE,
    "check_in.others": _STAFF,
    "door.open": _STAFF,
    "attendance.review": _STAFF,
    "attendance.approve": _STAFF,
    "sheet.read": _row(organiser="branch", manager="branch", inspector="branch", administrator="all"),
    "kiosk.scan": {},  # nobody by role: only a tablet whose kiosk is open, for its one shift
    # 兑换
    "offer.own": _EVERYONE,
    "offer.branch": _MANAGERS,
    "order.own": _EVERYONE,
    "order.fulfil": _row(volunteer="own", manager="branch", administrator="all"),
    "order.read": _READERS,
    # 合作单位
    "desk.open": _MANAGERS,
    "desk.redeem": {},  # nobody by role: only a device that is an open desk, for its own organisation
    "slip.read": _READERS,
    # 争议
    "dispute.own": _EVERYONE,
    "dispute.read": _READERS,
    "dispute.decide": _MANAGERS,
    # 点单 · 派单 · 接单
    "request.own": _EVERYONE,
    "request.others": _row(grid_worker="branch", organiser="branch", manager="branch", administrator="all"),
    "request.check": _STAFF,
    "request.read": _row(organiser="branch", manager="branch", inspector="branch", administrator="all"),
    # 共建
    "promise.record": _STAFF,
    # 志愿服务证明
    "certificate.own": _EVERYONE,
    "certificate.issue": _MANAGERS,  # for somebody at the counter
    "certificate.read": _READERS,
    "certificate.withdraw": _MANAGERS,
    "certificate.seal": _MANAGERS,
    # 存折
    "passbook.own": _EVERYONE,
    "passbook.print": _MANAGERS,  # for somebody at the counter
    # 统筹
    "coordination.read": _STAFF,
    # 成长卡
    "milestone.read": _row(organiser="branch", manager="branch", inspector="branch", administrator="all"),
    "milestone.record": _STAFF,
    "award.grant": _MANAGERS,
    "commendation.read": _READERS,
    "card.print": _MANAGERS,
    # 规则
    "rules.read": _READERS,
    "rules.change": _MANAGERS,
    # 赠与 · 爱心基金
    "gift.own": _EVERYONE,
    "fund.read": _READERS,
    "fund.grant": _MANAGERS,
    # 网点之间
    "clearing.read": _READERS,
    "clearing.change": _MANAGERS,
    # 账本 · 归档 · 监督
    "archive.close": _MANAGERS,
    "archive.read": _READERS,
    "books.read": _row(inspector="branch", manager="branch", administrator="all"),
    "books.correct": _MANAGERS,
    # 系统
    "jobs.read": _READERS,
    "keys.rotate": _row(administrator="all"),
}
