"""What may happen to an order when, how long things wait, how a voucher is read: no session, no clock.

The one state machine: requested → accepted → fulfilled (→ rated), with declined, cancelled and expired as other ends.
Goods of the branch need nobody's word and start as accepted. A member who cannot come at the time accepted proposes
another: accepted → requested. While a case about an order is open it is disputed and nothing can be done with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from timebank.core import codes, tags
from timebank.core.errors import Conflict, Invalid

MIN_PRICE_MINUTES: Final = 1
MAX_PRICE_MINUTES: Final = 100 * 60
MAX_QUANTITY: Final = 20
MAX_STOCK: Final = 100_000

ANSWER_TIME: Final = timedelta(days=7)  # how long a request waits for the provider's answer
SERVE_TIME: Final = timedelta(days=30)  # how long an agreed service waits to be done, and goods to be fetched
CONFIRM_TIME: Final = timedelta(days=7)  # after the hours that were booked, for the desk to take the voucher
MOST_ANSWER_DAYS: Final = 30
MOST_SERVE_DAYS: Final = 90

TOLD_BEFORE: Final = timedelta(days=3)  # before an offer's last day
LICENCE_TOLD_BEFORE: Final = timedelta(days=30)  # before the last day of a licence
LAPSED_FOR: Final = timedelta(days=1)  # after it, once more
RENEWED_FOR: Final = timedelta(days=90)
OFFERED_AGAIN: Final = timedelta(days=14)  # so long before its last day the button to prolong stands by an offer

# Professions that the law reserves to people with a licence; the offer has to say which one.
LICENSED: Final = frozenset({"legal", "medical", "electrical"})

VOUCHER_MARK: Final = tags.VOUCHER  # 兑; keeps vouchers apart from codes of every other purpose
VOUCHER_LENGTH: Final = 11

Verb = Literal["accept", "propose", "decline", "cancel", "fulfil", "rate"]

# verb → state → state after it. What is not here is refused; see ``decide``.
MOVES: Final[dict[str, dict[str, str]]] = {
    "accept": {"requested": "accepted", "accepted": "accepted"},  # again: another time was agreed on
    "propose": {"requested": "requested", "accepted": "requested"},  # open again until the provider has agreed
    "decline": {"requested": "declined", "declined": "declined"},
    "cancel": {"requested": "cancelled", "accepted": "cancelled", "cancelled": "cancelled"},
    "fulfil": {"accepted": "fulfilled", "fulfilled": "fulfilled"},
    "rate": {"fulfilled": "fulfilled"},
}


class NotAcceptedYet(Conflict):
    """A voucher before the provider has said yes."""

    code = "exchange.not_accepted_yet"
    text = "这张兑换单还没有确认。请先在兑换单里确认接单，再核销。"


class AlreadyAccepted(Conflict):
    """Declining what was agreed."""

    code = "exchange.already_accepted"
    text = "已经约好了，不能再婉拒。去不了的话，请用“取消”，并写明原因。"


class AlreadyFulfilled(Conflict):
    """It is done; coins have moved."""

    code = "exchange.already_fulfilled"
    text = "这张兑换单已经完成，不能再改。有不对的地方请联系网点工作人员。"


class OrderEnded(Conflict):
    """Declined, cancelled or expired before."""

    code = "exchange.order_ended"
    text = "这张兑换单{how}，冻结的爱心币已经退回。需要的话请重新兑换。"


class InDispute(Conflict):
    """A case about it is open."""

    code = "exchange.in_dispute"
    text = "这一单有争议，正在处理，有结果以前不能办别的。请打开这一单，看争议的进展。"


class NotFulfilledYet(Conflict):
    """A rating before there is anything to rate."""

    code = "exchange.not_fulfilled_yet"
    text = "完成以后才能评价。"


class OrderUndone(Conflict):
    """Its coins were given back by a correction."""

    code = "exchange.order_undone"
    text = "这张兑换单已经退回，不再算数，不能再评价。"


class NotLess(Invalid):
    """A correction of an order gives coins back: it costs less than before, or nothing."""

    code = "exchange.correction_not_less"
    text = "更正后要比现在的 {now} 少、比 0 多。全部退回的话，请选“整笔冲正”；少收了的，请另外兑换一次。"


class NotAVoucher(Invalid):
    """A code of another purpose, or no code at all."""

    code = "exchange.not_a_voucher"
    text = "这不是兑换券。请对方打开“我的兑换”，点开这一单，出示兑换券上的码（以 D 开头）。"


class MistypedVoucher(Invalid):
    """The check character does not fit."""

    code = "exchange.mistyped_voucher"
    text = "兑换券码不对，可能有一位看错了。请对照券面再输一次，一共 11 位，以 D 开头。"


_ENDED_HOW: Final = {"declined": "对方没有接", "cancelled": "已经取消", "expired": "已经过期"}


def decide(verb: Verb, status: str) -> str:
    """The state after ``verb``. Raises the refusal that says why it cannot be and what to do."""
    after = MOVES[verb].get(status)
    if after is not None:
        return after
    if status == "disputed":
        raise InDispute()
    if status in _ENDED_HOW:
        raise OrderEnded(how=_ENDED_HOW[status])
    if verb == "rate":
        raise NotFulfilledYet()
    if status == "fulfilled":
        raise AlreadyFulfilled()
    raise NotAcceptedYet() if verb == "fulfil" else AlreadyAccepted()


def status_at(status: str, expires_at: datetime, now: datetime, *, in_dispute: bool = False) -> str:
    """The state an order is really in: an open one whose time ran out is expired, even before the sweep came by.

    Time does not run out while a case about it is open.
    """
    if in_dispute:
        return "disputed"
    return "expired" if status in {"requested", "accepted"} and expires_at <= now else status


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a request waits for an answer, and what was agreed (or laid aside) for being done."""

    answer: timedelta = ANSWER_TIME
    serve: timedelta = SERVE_TIME


def terms_of(answer_days: int | None, serve_days: int | None) -> Terms:
    """The terms of an offer; what it does not say is as everywhere."""
    return Terms(
        answer=ANSWER_TIME if answer_days is None else timedelta(days=answer_days),
        serve=SERVE_TIME if serve_days is None else timedelta(days=serve_days),
    )


def expiry_at_request(kind: str, now: datetime, terms: Terms = Terms()) -> datetime:
    """When a fresh order dies if nothing happens."""
    return now + (terms.serve if kind == "goods" else terms.answer)


def hold_expiry(kind: str, now: datetime, terms: Terms = Terms()) -> datetime:
    """The latest instant at which an order asked for now can still be alive: its coins are set aside until then."""
    return now + (terms.serve if kind == "goods" else terms.answer + terms.serve)


@dataclass(frozen=True, slots=True)
class Share:
    """What of an order is taken: minutes and pieces; ``whole`` where nothing is left over."""

    minutes: int
    quantity: int
    whole: bool


def share_of_goods(amount: int, quantity: int, taken: int) -> Share | None:
    """Some of the pieces ordered, each at its own price; None where that is no share."""
    if not 0 < taken <= quantity:
        return None
    return Share(amount // quantity * taken, taken, whole=taken == quantity)


def share_of_service(amount: int, minutes: int) -> Share | None:
    """Some of the minutes agreed; None where that is no share."""
    return Share(minutes, 1, whole=minutes == amount) if 0 < minutes <= amount else None


def is_open_for_orders(status: str, valid_until: date | None, today: date) -> bool:
    """Whether an offer can be redeemed on a day; its last day counts."""
    return status == "listed" and (valid_until is None or valid_until >= today)


def read_voucher(typed: str) -> str:
    """The voucher code in what was typed, pasted or scanned (its link, too). Raises NotAVoucher, MistypedVoucher."""
    code = codes.tidy(typed.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].strip().rstrip("/").rsplit("/", 1)[-1])
    if not code.startswith(VOUCHER_MARK):
        raise NotAVoucher(fields={"voucher": NotAVoucher.text})
    if len(code) != VOUCHER_LENGTH or not codes.is_valid(code):
        raise MistypedVoucher(fields={"voucher": MistypedVoucher.text})
    return code


def voucher_code(random_part: str) -> str:
    """The voucher made of nine random characters: mark, randomness, check character."""
    body = VOUCHER_MARK + random_part[: VOUCHER_LENGTH - 2]
    return body + codes.check_character(body)


@dataclass(frozen=True, slots=True)
class Score:
    """Ratings of one to five: their sum and how many there are."""

    total: int = 0
    count: int = 0

    @property
    def average(self) -> str:
        """``4.8``, halves rounded up; empty without ratings."""
        if not self.count:
            return ""
        tenths = (20 * self.total + self.count) // (2 * self.count)
        return f"{tenths // 10}.{tenths % 10}"
