"""What happened to a request, in words, as far as one reader may know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from timebank.requests.models import HelpRequest, HelpStep
from timebank.requests.queries.one import Sides, list_steps

# step → what people call it, with {by} and {to} as names
_TITLES: Final[Mapping[str, str]] = {
    "asked": "{by}点单",
    "taken_up": "{by}受理",
    "dispatched": "派单，开始找人",
    "invited": "{by}请{to}来",
    "refused": "{by}这次来不了",
    "claimed": "{by}接单",
    "moved": "{by}改了时间",
    "released": "退单，重新找人",
    "unserved": "没有服务成，重新找人",
    "done": "完成",
    "declined": "网点没有受理",
    "withdrawn": "撤回",
    "expired": "到期，没有人接",
    "handed_over": "移交给{to}负责",
}
_FOR_STAFF: Final = {"invited", "refused", "handed_over"}  # whom the branch asked is nobody else's business
_TONES: Final = {"done": "ok", "declined": "bad", "expired": "bad", "unserved": "bad", "claimed": "strong"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One step as a page shows it."""

    at: datetime
    title: str
    text: str
    tone: str


def timeline(session: Session, request: HelpRequest, sides: Sides) -> list[Line]:
    """The steps that this reader may know of, in order; none for who could merely take it, since they name people.

    Of a confidential one they name nobody who could be served.
    """
    if not sides.inside:
        return []
    return [
        Line(at=step.at, title=_title(request, step), text=step.words, tone=_TONES.get(step.what, ""))
        for step in list_steps(session, request.id)
        if sides.reader or step.what not in _FOR_STAFF
    ]


def _title(request: HelpRequest, step: HelpStep) -> str:
    by = "" if step.by is None or _hidden(request, step.by_id) else f"{step.by.alias} "
    to = f" {step.to.alias}" if step.to is not None else ""
    if step.what == "claimed" and step.to is not None:
        return f"{step.to.alias} 接单（{by}登记）"
    return _TITLES[step.what].format(by=by, to=to).strip()


def _hidden(request: HelpRequest, member_id: int | None) -> bool:
    return request.confidential and member_id in {request.recipient_id, request.asked_by_id}
