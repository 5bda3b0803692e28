"""What each person finds in the bar: few entries, the same words everywhere, the things of their role behind their own.

On a phone the first four stand in the bar when there are more than five; so the order says what somebody does most.
"""

from __future__ import annotations

from dataclasses import dataclass

from timebank.core.actor import Actor


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the navigation as the page frame shows it."""

    url: str
    label: str
    icon: str
    current: bool


_PLACES = {
    "home": ("/", "首页", "home", ""),
    "activities": ("/activities", "活动", "calendar", ""),
    "offers": ("/offers", "兑换", "gift", ""),
    "requests": ("/requests", "点单", "bell", "request.own"),
    "me": ("/me", "我的", "user", "me.read"),
    "organise": ("/organise", "组织活动", "hand", "activity.post"),
    "approvals": ("/organise/approvals", "审批", "check-circle", "attendance.approve"),
    "branch": ("/branch", "网点", "building", "branch.read"),
    "members": ("/branch/members", "会员", "users", "member.read"),
    "dispatch": ("/branch/requests", "派单", "phone", "request.check"),
    "orders": ("/branch/orders", "兑换单", "ticket", "order.read"),
    "shelf": ("/branch/offers", "物品与服务", "list", "offer.branch"),
    "archives": ("/branch/archives", "月度归档", "archive", "archive.read"),
    "inspect": ("/inspect", "监督", "scale", "books.read"),
    "jobs": ("/jobs", "定时任务", "clock", "jobs.read"),
    "areas": ("/areas", "区域", "tree", "area.read"),
    "keys": ("/keys", "密钥", "key", "keys.rotate"),
}
_ORDERS = {
    "visitor": ("home", "activities", "offers"),
    "volunteer": ("home", "activities", "requests", "offers", "me"),
    "organiser": ("home", "activities", "organise", "me", "dispatch", "offers"),
    "inspector": (
        "home", "inspect", "branch", "me", "activities", "requests", "offers", "members", "orders", "archives", "jobs",
        "areas",
    ),
    "manager": (
        "home", "activities", "branch", "me", "dispatch", "requests", "offers", "organise", "approvals", "members",
        "orders", "shelf", "archives", "inspect", "jobs", "areas",
        "keys",
    ),
}  # fmt: skip


def navigation(actor: Actor | None, path: str) -> list[Tab]:
    """The entries for this person, the one nearest to ``path`` marked."""
    places = [_PLACES[name] for name in _ORDERS[_kind(actor)]]
    places = [place for place in places if not place[3] or (actor is not None and actor.may(place[3]))]
    here = _nearest(path, [url for url, *_ in places])
    return [Tab(url, label, icon, url == here) for url, label, icon, _ in places]


def _kind(actor: Actor | None) -> str:
    if actor is None:
        return "visitor"
    for role in ("administrator", "manager", "inspector", "organiser"):
        if role in actor.roles:
            return "manager" if role == "administrator" else role
    return "volunteer"


def _nearest(path: str, urls: list[str]) -> str:
    """The longest address that ``path`` lies under; the start page only for itself."""
    under = [url for url in urls if path == url or (url != "/" and path.startswith(f"{url}/"))]
    return max(under, key=len, default="")
