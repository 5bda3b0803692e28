"""When a case may be opened, how long each step takes, what a decision comes to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from timebank.core.errors import Conflict, Invalid, NotAllowed

AFTER_DONE: Final = timedelta(days=30)  # so long after it was done an order may be disputed
HEARD_DAYS: Final = 5  # working days in which a decision waits for the other side's words
DUE_DAYS: Final = 10  # working days in which it should be decided
SOON: Final = 3  # working days left from which on deciders are reminded


class NotASide(NotAllowed):
    """Only the two sides of an order open a case about it."""

    code = "disputes.not_a_side"
    text = "只有这一单的双方可以提出争议。有需要处理的，请让他们在这一单里提出。"


class NothingToDispute(Conflict):
    """Nobody has agreed yet, it ended without coins moving, or they were given back."""

    code = "disputes.nothing"
    text = "这一单{how}，没有可以提出争议的。"


class TooEarly(Conflict):
    """The time agreed on has not come."""

    code = "disputes.too_early"
    text = "约好的时间还没有到。时间不合适请换个时间，不需要了可以取消；过了约好的时间，有不对的地方再来说。"


class TooLate(Conflict):
    """A month has passed since it was done."""

    code = "disputes.too_late"
    text = "这一单完成已经超过 {days} 天，不能再提出争议。账上记错了的，请在“我的流水”里申请核对。"


class CaseOpen(Conflict):
    """One is being dealt with, or was decided."""

    code = "disputes.case_open"
    text = "这一单已经有一个争议，请打开它看进展，也可以在里面说明。"


class OpenedBefore(Conflict):
    """They opened one and took it back."""

    code = "disputes.opened_before"
    text = "这一单您提出过一次，又撤回了，不能再提。还有不对的地方，请直接联系网点。"


class CaseEnded(Conflict):
    """It was decided or taken back."""

    code = "disputes.case_ended"
    text = "这个争议{how}，不能再改。"


class TooLateToSay(Conflict):
    """The deadline has passed."""

    code = "disputes.too_late_to_say"
    text = "说明的期限（{day}）已经过了，网点正在作决定。"


class NotHeardYet(Conflict):
    """The other side has said nothing and its time is not over."""

    code = "disputes.not_heard_yet"
    text = "对方还没有说明。等对方说了，或者过了 {day}，再作决定，这样才公平。"


class Involved(NotAllowed):
    """Somebody with a part in it."""

    code = "disputes.involved"
    text = "要由没有关系的人来决定：{why}。请让另一位管理员来办；本网点没有别人的话，请系统管理员来办。"


class SecondWaiting(Conflict):
    """A decision waits for the second person."""

    code = "disputes.second_waiting"
    text = "已经有人作了决定，正在等另一位管理员同意。"


class NoSecondWaiting(Conflict):
    """Nothing waits for a second person."""

    code = "disputes.no_second_waiting"
    text = "没有等第二人同意的决定，可能已经有人办过了。请刷新页面再看一看。"


class SameHand(NotAllowed):
    """Who decided does not agree as the second person."""

    code = "disputes.same_hand"
    text = "这个决定是您作的，要由另一位管理员来同意。"


class BadRuling(Invalid):
    """No outcome, no reason, or a part that is none."""

    code = "disputes.bad_ruling"


class WordsMissing(Invalid):
    """A case or a statement says something."""

    code = "disputes.words_missing"
    text = "请写几句话，把事情说清楚。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an order has come, as far as a case is concerned."""

    status: str
    undone: bool
    agreed_at: datetime | None  # None for goods: they wait on the shelf
    fulfilled_at: datetime | None


_HOW: Final = {
    "requested": "还没有约好",
    "declined": "对方没有接，没有用币",
    "cancelled": "已经取消，没有用币",
    "expired": "已经过期，没有用币",
}


def refuse_opening(standing: Standing, now: datetime) -> None:
    """Refuse a case about an order in which nothing can be wrong yet, or any more.

    Raises NothingToDispute, TooEarly, TooLate.
    """
    if standing.undone:
        raise NothingToDispute(how="已经退回")
    if standing.status in _HOW:
        raise NothingToDispute(how=_HOW[standing.status])
    if standing.status == "accepted":
        if standing.agreed_at is not None and standing.agreed_at > now:
            raise TooEarly()
    elif standing.fulfilled_at is None or now - standing.fulfilled_at > AFTER_DONE:
        raise TooLate(days=AFTER_DONE.days)


def is_heard(*, other_spoke: bool, has_other: bool, heard_by: date, today: date) -> bool:
    """Whether a decision need wait no longer for the other side; a branch decides about itself through others."""
    return other_spoke or not has_other or today > heard_by


def minutes_of(outcome: str, *, now_minutes: int, part: int | None) -> int:
    """What an order comes to by an outcome. Raises BadRuling for a part that is none."""
    if outcome == "whole":
        return now_minutes
    if outcome == "none":
        return 0
    if outcome != "part":
        raise BadRuling(fields={"outcome": "请选一个结果。"})
    if part is None or not 0 < part < now_minutes:
        raise BadRuling(fields={"part": "请填比 0 多、比现在少的数。全部算数或者全部退回，请选上面的。"})
    return part
