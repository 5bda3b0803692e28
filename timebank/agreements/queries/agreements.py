"""Agreements, and their promises with the terms that stand now and what was done towards them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import PUBLISHED, Activity, Shift
from timebank.agreements.models import (
    AGREED,
    ASKED,
    DECLINED,
    ENDED,
    PROPOSED,
    SIDE_NAMES,
    SIGNED,
    WRITTEN,
    Agreement,
    Promise,
    PromiseDeed,
)
from timebank.agreements.rules import UNKEPT, Standing, standing
from timebank.core import clock
from timebank.core.errors import NotFound


class AgreementNotFound(NotFound):
    """No such agreement."""

    code = "agreements.agreement_not_found"
    text = "没有找到这份共建协议。"


class PromiseNotFound(NotFound):
    """No such promise."""

    code = "agreements.promise_not_found"
    text = "没有找到这条承诺。"


class DeedNotFound(NotFound):
    """No such record of something done."""

    code = "agreements.deed_not_found"
    text = "没有找到这条履约记录。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """A promise as it stands: its first row, its terms now, what was done, and what is asked to change.

    ``number`` counts from 1 on each side. ``changes`` are the terms agreed since, oldest first; ``deeds`` all
    rows, oldest first, ``taken_back`` the ids of those that count no more.
    """

    number: int
    root: Promise
    terms: Promise
    standing: Standing
    deeds: tuple[PromiseDeed, ...]
    taken_back: frozenset[int]
    changes: tuple[Promise, ...]
    asked: Promise | None

    @property
    def counts(self) -> bool:
        """Whether it was promised at all, and not merely asked for."""
        return self.root.status != ASKED


def get_agreement(session: Session, agreement_id: int, *, lock: bool = False) -> Agreement:
    """The agreement; with ``lock``, kept from changing until the transaction ends. Raises AgreementNotFound."""
    how = {"key_share": True} if lock else None
    found = session.get(Agreement, agreement_id, with_for_update=how, populate_existing=lock)
    if found is None:
        raise AgreementNotFound()
    return found


def find_agreement_by_key(session: Session, form_key: str) -> Agreement | None:
    """The agreement that a form drafted."""
    return session.scalars(select(Agreement).where(Agreement.form_key == form_key)).one_or_none()


def get_promise(session: Session, promise_id: int) -> Promise:
    """The promise, or a change asked of one. Raises PromiseNotFound."""
    found = session.get(Promise, promise_id)
    if found is None:
        raise PromiseNotFound()
    return found


def find_promise_by_key(session: Session, form_key: str) -> Promise | None:
    """What a form promised."""
    return session.scalars(select(Promise).where(Promise.form_key == form_key)).one_or_none()


def get_deed(session: Session, deed_id: int) -> PromiseDeed:
    """The record of something done. Raises DeedNotFound."""
    found = session.get(PromiseDeed, deed_id)
    if found is None:
        raise DeedNotFound()
    return found


def find_deed_by_key(session: Session, form_key: str) -> PromiseDeed | None:
    """What a form recorded."""
    return session.scalars(select(PromiseDeed).where(PromiseDeed.form_key == form_key)).one_or_none()


def list_agreements(session: Session, organisation_id: int) -> Sequence[Agreement]:
    """The agreements of an organisation, newest year first."""
    theirs = select(Agreement).where(Agreement.organisation_id == organisation_id)
    return session.scalars(theirs.order_by(Agreement.year.desc(), Agreement.id.desc())).all()


def list_year(session: Session, branch_id: int, year: int) -> Sequence[Agreement]:
    """The signed agreements of a branch for a year, those that ended early too."""
    theirs = select(Agreement).options(joinedload(Agreement.organisation))
    theirs = theirs.where(Agreement.branch_id == branch_id, Agreement.year == year)
    return session.scalars(theirs.where(Agreement.status.in_((SIGNED, ENDED))).order_by(Agreement.id)).all()


def list_branch_activities(session: Session, branch_id: int, year: int) -> Sequence[Activity]:
    """The published activities of a branch that have a shift in a year, the latest first: what a deed may point to."""
    start, end = clock.month_range(f"{year:04d}-01")[0], clock.month_range(f"{year:04d}-12")[1]
    held = select(Shift.activity_id).where(
        Shift.starts_at >= start, Shift.starts_at < end, Shift.cancelled_at.is_(None)
    )
    theirs = select(Activity).where(
        Activity.branch_id == branch_id, Activity.status == PUBLISHED, Activity.id.in_(held)
    )
    return session.scalars(theirs.order_by(Activity.id.desc()).limit(_MOST_ACTIVITIES)).all()


_MOST_ACTIVITIES = 200


def list_waiting_agreements(session: Session, branch_id: int) -> list[tuple[Agreement, str]]:
    """The agreements of a branch in which something waits for a second person, and what it is; one statement."""
    changed = exists().where(Promise.agreement_id == Agreement.id, Promise.status == ASKED)
    waiting = (
        select(Agreement)
        .options(joinedload(Agreement.organisation))
        .where(
            Agreement.branch_id == branch_id,
            or_(Agreement.status == PROPOSED, and_(Agreement.status == SIGNED, changed)),
        )
        .order_by(Agreement.id)
    )
    words = {PROPOSED: "对照纸质协议确认签订", SIGNED: "同意或者不同意变更"}
    return [(one, words[one.status]) for one in session.scalars(waiting)]


def list_unkept(session: Session, branch_id: int | None, *, today: date) -> list[tuple[Agreement, Article]]:
    """What the signed agreements of a branch (None: of all) wait for, the earliest day first; three statements."""
    signed = select(Agreement).options(joinedload(Agreement.organisation)).where(Agreement.status == SIGNED)
    if branch_id is not None:
        signed = signed.where(Agreement.branch_id == branch_id)
    agreements = session.scalars(signed).all()
    articles = articles_of(session, agreements, today=today)
    all_of_them = [(one, article) for one in agreements for article in articles[one.id] if article.counts]
    found = [pair for pair in all_of_them if pair[1].standing.state in UNKEPT]
    return sorted(found, key=lambda pair: (pair[1].terms.due_on, pair[1].root.id))


def articles_of(session: Session, agreements: Sequence[Agreement], *, today: date) -> dict[int, list[Article]]:
    """By agreement: the branch's promises, then the organisation's, what is asked anew last; two statements for all."""
    ids = [one.id for one in agreements]
    rows: dict[int, list[Promise]] = defaultdict(list)
    people = (joinedload(Promise.asked_by), joinedload(Promise.decided_by))
    for promise in session.scalars(
        select(Promise).options(*people).where(Promise.agreement_id.in_(ids)).order_by(Promise.id)
    ):
        rows[promise.agreement_id].append(promise)
    deeds: dict[int, list[PromiseDeed]] = defaultdict(list)
    of_these = select(PromiseDeed).join(PromiseDeed.promise).where(Promise.agreement_id.in_(ids))
    of_these = of_these.options(joinedload(PromiseDeed.by))
    for deed in session.scalars(of_these.order_by(PromiseDeed.done_on, PromiseDeed.id)):
        deeds[deed.promise_id].append(deed)
    return {one.id: _articles(one, rows[one.id], deeds, today) for one in agreements}


def _articles(
    agreement: Agreement, rows: list[Promise], deeds: dict[int, list[PromiseDeed]], today: date
) -> list[Article]:
    ended_on = clock.today(agreement.ended_at) if agreement.status == ENDED and agreement.ended_at else None
    roots = [row for row in rows if row.root_id is None and row.status != DECLINED]
    roots.sort(key=lambda row: (row.status != WRITTEN, row.status == ASKED, row.decided_at or row.asked_at, row.id))
    numbered = [(number, root) for side in SIDE_NAMES for number, root in enumerate(_of(side, roots), start=1)]
    return [
        _article(number, root, [row for row in rows if row.root_id == root.id], deeds[root.id], today, ended_on)
        for number, root in numbered
    ]


def _of(side: str, roots: list[Promise]) -> list[Promise]:
    return [root for root in roots if root.side == side]


def _article(
    number: int,
    root: Promise,
    later: list[Promise],
    deeds: list[PromiseDeed],
    today: date,
    ended_on: date | None,
) -> Article:
    changes = sorted((row for row in later if row.status == AGREED), key=lambda row: (row.decided_at, row.id))
    terms = changes[-1] if changes else root
    taken = frozenset(one.takes_back_id for one in deeds if one.takes_back_id is not None)
    done = [(one.done_on, one.quantity) for one in deeds if one.takes_back_id is None and one.id not in taken]
    asked = [row for row in (root, *later) if row.status == ASKED]
    return Article(
        number=number,
        root=root,
        terms=terms,
        standing=standing(terms.quantity, terms.due_on, done, today=today, ended_on=ended_on),
        deeds=tuple(deeds),
        taken_back=taken,
        changes=tuple(changes),
        asked=asked[0] if asked else None,
    )
