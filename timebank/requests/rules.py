"""What may happen to a request when, what is wrong with a draft, and who could do it: no session, no clock.

The one state machine: asked → open → claimed → done (→ rated), with withdrawn, declined and expired as other ends.
Giving it back, or a service that did not take place, leads from claimed to open again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from timebank.core.errors import Conflict
from timebank.members.rules.papers import SKILLS

LEAST_MINUTES: Final = 15
MOST_MINUTES: Final = 8 * 60
FARTHEST: Final = timedelta(days=90)
HELD_FOR: Final = timedelta(days=366)  # after its last day a request may wait for approval: coins stay set aside
REMIND_BEFORE: Final = timedelta(days=2)
ASK_AFTER: Final = timedelta(days=7)  # after a wish was claimed those who can say so are asked whether it came true
CALL_AFTER: Final = timedelta(days=7)  # and after that the coordinator calls them

Verb = Literal[
    "take_up", "dispatch", "decline", "invite", "claim", "move", "release", "withdraw", "finish", "reopen", "expire",
    "rate", "hand_over",
]  # fmt: skip

# verb → state → state after it. What is not here is refused; see ``decide``.
MOVES: Final[dict[str, dict[str, str]]] = {
    "take_up": {"asked": "asked"},
    "dispatch": {"asked": "open", "open": "open"},
    "decline": {"asked": "declined", "open": "declined", "declined": "declined"},
    "invite": {"open": "open"},
    "claim": {"open": "claimed", "claimed": "claimed"},
    "move": {"claimed": "claimed"},
    "release": {"claimed": "open"},
    "withdraw": {"asked": "withdrawn", "open": "withdrawn", "claimed": "withdrawn", "withdrawn": "withdrawn"},
    "finish": {"claimed": "done", "done": "done"},
    "reopen": {"claimed": "open"},
    "expire": {"asked": "expired", "open": "expired"},
    "rate": {"done": "done"},
    "hand_over": {"asked": "asked", "open": "open", "claimed": "claimed"},
}
_ENDED_HOW: Final = {
    "done": "已经完成",
    "withdrawn": "已经撤回",
    "declined": "网点没有受理",
    "expired": "已经到期",
}


class RequestEnded(Conflict):
    """It is done, or ended otherwise."""

    code = "requests.ended"
    text = "这一单{how}，不能再办这一步。还需要的话，请重新点一单。"


class NotOpenYet(Conflict):
    """The branch has not dispatched it."""

    code = "requests.not_open_yet"
    text = "这一单网点还没有派出来，请等网点受理。"


class AlreadyOpen(Conflict):
    """It is dispatched; there is nothing to take up any more."""

    code = "requests.already_open"
    text = "这一单已经派出去了，请刷新页面再看一看。"


class AlreadyClaimed(Conflict):
    """Somebody has said yes."""

    code = "requests.already_claimed"
    text = "这一单已经有人接了。谢谢您的热心，请看看别的。"


class NotClaimed(Conflict):
    """Nobody has it."""

    code = "requests.not_claimed"
    text = "这一单现在没有人接，不用办这一步。"


class NotDoneYet(Conflict):
    """A rating before there is anything to rate."""

    code = "requests.not_done_yet"
    text = "服务完成、审核以后才能评价。"


CONSENT_FIRST: Final = "请先征得本人同意，再用本人的爱心币。"


def decide(verb: Verb, status: str) -> str:
    """The state after ``verb``. Raises the refusal that says why it cannot be and what to do."""
    after = MOVES[verb].get(status)
    if after is not None:
        return after
    if verb == "rate" and status not in {"withdrawn", "declined", "expired"}:
        raise NotDoneYet()
    if status in _ENDED_HOW:
        raise RequestEnded(how=_ENDED_HOW[status])
    if verb in {"move", "release", "finish", "reopen"}:
        raise NotClaimed()
    if status == "claimed":
        raise AlreadyClaimed()
    raise NotOpenYet() if status == "asked" else AlreadyOpen()


def ask_whether_on(claimed_on: date, last_day: date) -> date:
    """The day on which to ask whether a wish came true: a week after it was claimed, or when its days are over."""
    return min(claimed_on + ASK_AFTER, last_day + timedelta(days=1))


@dataclass(frozen=True, kw_only=True)
class RequestDraft:
    """What is asked for. ``place`` is sealed; ``consented``: the recipient agreed to the use of their coins."""

    number: str
    name: str
    kind: str
    category: str
    title: str
    first_day: date
    last_day: date
    minutes: int
    source: str
    form_key: str
    words: str = ""
    place: str = ""
    part_of_day: str = "any"
    confidential: bool = False
    consented: bool = False
    heard: str = "self"


def find_faults(draft: RequestDraft, *, today: date, for_oneself: bool) -> dict[str, str]:
    """What is wrong with a draft, by the form's fields; empty when it is sound."""
    faults: dict[str, str] = {}
    if draft.last_day < max(draft.first_day, today):
        faults["last_day"] = "最晚哪天要不早于最早哪天，也不早于今天。"
    elif draft.first_day < today:
        faults["first_day"] = "最早哪天不能是过去的日子。"
    elif draft.last_day - today > FARTHEST:
        faults["last_day"] = f"最多可以提前 {FARTHEST.days} 天点单，请看看日期有没有写错。"
    wish = draft.kind == "wish"
    if not (wish and draft.minutes == 0) and not LEAST_MINUTES <= draft.minutes <= MOST_MINUTES:
        faults["length"] = f"请填最多要多久：{LEAST_MINUTES} 分钟到 {MOST_MINUTES // 60} 小时。"
    wrong_source = find_source_faults(draft.source, wish=wish, confidential=draft.confidential)
    if draft.source == "own" and not wrong_source and not for_oneself and not draft.consented:
        faults["consented"] = CONSENT_FIRST
    return faults | wrong_source


def find_source_faults(source: str, *, wish: bool, confidential: bool) -> dict[str, str]:
    """Whose coins cannot be used for what."""
    if wish and source != "none":
        return {"source": "微心愿不用币，请选“不用币”。"}
    if confidential and source == "own":
        return {"source": "保密的需求不能用本人的币：账上看得到是谁付的。请选爱心基金，或者不用币。"}
    return {}


def names_in(texts: Collection[str], names: Collection[str]) -> bool:
    """Whether a text that others read tells who the recipient is: any of the names, spaces left out."""
    joined = "\n".join("".join(text.split()) for text in texts)
    return any(name and "".join(name.split()) in joined for name in names)


# Words in what people say of themselves that tell they could do it.
_HELPFUL: Final[Mapping[str, tuple[str, ...]]] = {
    "visit": ("聊天", "陪聊", "陪伴", "探访"),
    "accompany": ("陪诊", "陪护", "护理", "开车"),
    "errand": ("跑腿", "代买", "代办", "开车"),
    "meal": ("做饭", "送餐", "烧菜"),
    "clean": ("打扫", "家政", "保洁", "整理"),
    "care": SKILLS["nursing"],
    "repair": (*SKILLS["repair"], *SKILLS["plumbing"]),
    "haircut": SKILLS["haircut"],
    "digital": SKILLS["computer"],
    "teaching": SKILLS["teaching"],
    "comfort": ("心理", "倾听", "聊天"),
}


def helpful_words(category: str) -> tuple[str, ...]:
    """What to look for among the skills of somebody who could do it."""
    return _HELPFUL.get(category, ())


def can_do(skills: str, category: str) -> bool:
    """Whether somebody says of themselves that they can do this kind of thing."""
    return any(word in skills for word in helpful_words(category))


_PARTS: Final = {"morning": ("上午", "早上"), "afternoon": ("下午",), "evening": ("晚上", "傍晚")}


def is_free_then(free_times: str, part_of_day: str, days: Collection[date]) -> bool:
    """Whether what somebody wrote about their free time speaks for it: the part of the day, or a weekend among days."""
    said = any(word in free_times for word in _PARTS.get(part_of_day, ()))
    weekend = "周末" in free_times and any(day.weekday() >= 5 for day in days)
    return said or weekend or "随时" in free_times or "都可以" in free_times


def fits_days(day: date, first_day: date, last_day: date) -> bool:
    """Whether a day is one of those that were asked for."""
    return first_day <= day <= last_day


# Under which heading of activities a service is booked.
ACTIVITY_CATEGORIES: Final[Mapping[str, str]] = {
    "visit": "elderly",
    "accompany": "elderly",
    "errand": "elderly",
    "meal": "elderly",
    "care": "elderly",
    "repair": "repair",
    "digital": "teaching",
    "teaching": "teaching",
    "comfort": "health",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What is known of the service that was agreed on: its time, the volunteer's record, and the rounds of its list."""

    starts_at: datetime
    ends_at: datetime
    here: bool = False  # checked in, and not out again
    recorded: bool = False  # a record that counts, or may still count
    minutes: int = 0  # approved, with every correction since
    approved: bool = False  # the volunteer's record is in the books
    list_waits: bool = False  # a round was sent and is not decided
    list_decided: bool = False  # a round was approved


Progress = Literal["agreed", "serving", "missed", "review", "served", "unserved"]


def progress_of(service: Service, *, now: datetime) -> Progress:
    """How far a claimed service has come. ``served`` and ``unserved`` are final: the list was approved.

    ``missed``: its time is over and nobody knows whether the volunteer came.
    """
    if service.approved:
        return "served" if service.minutes else "unserved"
    if service.list_decided and not service.list_waits and not service.recorded:
        return "unserved"
    if service.here and now < service.ends_at:
        return "serving"
    if service.recorded or service.list_waits:
        return "review"
    return "missed" if now >= service.ends_at else "agreed"
