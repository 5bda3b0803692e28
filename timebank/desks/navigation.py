"""What each person finds in the bar: few entries, the same words everywhere, the things of their role behind their own."""

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


# (address, words, icon, permission that opens it; "" = everybody, visitors too)
_PLACES = (
    ("/", "首页", "home", ""),
    ("/activities", "活动", "calendar", ""),
    ("/offers", "兑换", "gift", ""),
    ("/me", "我的", "user", "me.read"),
    ("/organise", "组织", "hand", "activity.post"),
    ("/branch", "网点", "building", "branch.read"),
    ("/inspect", "监督", "scale", "books.read"),
)


def navigation(actor: Actor | None, path: str) -> list[Tab]:
    """The entries for this person, the one nearest to ``path`` marked."""
    places = [
        place for place in _PLACES if not place[3] or (actor is not None and actor.may(place[3]))
    ]
    here = _nearest(path, [url for url, *_ in places])
    return [Tab(url, label, icon, url == here) for url, label, icon, _ in places]


def _nearest(path: str, urls: list[str]) -> str:
    """The longest address that ``path`` lies under; the start page only for itself."""
    under = [url for url in urls if path == url or (url != "/" and path.startswith(f"{url}/"))]
    return max(under, key=len, default="")
