"""Who may set an entry right, and what moving it back and anew does to accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from timebank.core.errors import Conflict, Invalid, NotAllowed


class IsReversal(Conflict):
    """A reversal is final: what it undid is set right by a new entry."""

    code = "corrections.is_reversal"
    text = "这是一笔冲正，不能再更正。请看原来的分录和更正后的分录。"


class AlreadyCorrected(Conflict):
    """It was reversed before."""

    code = "corrections.already_corrected"
    text = "这笔分录已经冲正过了，不能再更正。如果更正后的数量还不对，请打开更正后的那一笔，再更正它。"


class NotCorrectable(Conflict):
    """Both sides of it stand in different books, or it only carries a rounded rest."""

    code = "corrections.not_correctable"
    text = "这种分录不能在这里更正：{why}"


class OnlyWhole(Invalid):
    """Neither service nor an order: there is no amount that could be said anew."""

    code = "corrections.only_whole"
    text = "这笔分录不是服务存入，也不是兑换，只能整笔冲正。"


class AmountMissing(Invalid):
    """Nothing is no amount: that would be to undo it."""

    code = "corrections.amount_missing"
    text = "请填写正确的数量。全部不算的话，请选“整笔冲正”。"


class NothingBooked(Invalid):
    """By the rules of its day the right amount brings neither a coin nor a point, so no entry could stand for it."""

    code = "corrections.nothing_booked"
    text = "按当时的规则，这样更正以后一个币、一个积分也不记，没有分录可以代替原来的。时长确实不对，请选“整笔冲正”。"


class OwnCoins(NotAllowed):
    """Nobody corrects what moves coins of their own."""

    code = "corrections.own_coins"
    text = "这笔分录动的是您自己的爱心币或积分，按规定要由另一位管理员来办。"


class AlreadyAsked(Conflict):
    """One waits already."""

    code = "corrections.already_asked"
    text = "这笔分录已经有一个更正在等第二人决定。请先决定或撤回那一个。"


class SameHand(NotAllowed):
    """Who asked does not decide."""

    code = "corrections.same_hand"
    text = "这个更正是您提出的，要由另一位管理员来决定。"


class AlreadyDecided(Conflict):
    """It has ended."""

    code = "corrections.already_decided"
    text = "这个更正{how}，不能再改。"


class NotAsker(Conflict):
    """Only who asked takes it back."""

    code = "corrections.not_asker"
    text = "只有提出更正的人可以撤回。不同意的话，请选“不同意”并写明原因。"


class RequestAnswered(Conflict):
    """It was answered before."""

    code = "corrections.request_answered"
    text = "这个核对申请已经答复过了。"


@dataclass(frozen=True, slots=True)
class Move:
    """An amount on its way from one account to another."""

    payer_id: int
    taker_id: int
    amount: int


@dataclass(frozen=True, slots=True)
class Course:
    """What moves do to accounts in the order given: the sum for each, and which fall below what they have."""

    net: dict[int, int]
    short: frozenset[int]


def course_of(moves: Iterable[Move], available: Mapping[int, int]) -> Course:
    """Follow moves over the accounts that can fall short, named with what is ``available``; each is covered in turn."""
    standing = dict(available)
    net: dict[int, int] = {}
    short: set[int] = set()
    for move in moves:
        net[move.payer_id] = net.get(move.payer_id, 0) - move.amount
        net[move.taker_id] = net.get(move.taker_id, 0) + move.amount
        if move.payer_id in standing:
            standing[move.payer_id] -= move.amount
            if standing[move.payer_id] < 0:
                short.add(move.payer_id)
        if move.taker_id in standing:
            standing[move.taker_id] += move.amount
    return Course(net, frozenset(short))


def falling(back: list[Move], instead: list[Move], available: Mapping[int, int]) -> frozenset[int]:
    """Who falls short whichever way it is booked: what takes the entry's place first, or the way back first."""
    new_first = course_of([*instead, *back], available).short
    old_first = course_of([*back, *instead], available).short
    return new_first if new_first and old_first else frozenset()
