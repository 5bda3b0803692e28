"""Lists and holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import Activity
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.retention.models import PREPARED, PROPOSED, Disposal, DisposalItem, LegalHold
from timebank.retention.rules import DISPOSABLE, Listed, hash_of_list


class DisposalNotFound(NotFound):
    """No such list."""

    code = "retention.disposal_not_found"
    text = "没有找到这张销毁清单。"


class HoldNotFound(NotFound):
    """No such hold."""

    code = "retention.hold_not_found"
    text = "没有找到这次暂停。"


def get_disposal(session: Session, disposal_id: int, *, lock: bool = False) -> Disposal:
    """One list; with ``lock``, kept from changing until the transaction ends. Raises DisposalNotFound."""
    found = session.get(Disposal, disposal_id, with_for_update=lock or None)
    if found is None:
        raise DisposalNotFound()
    return found


def find_proposed(session: Session, branch_id: int) -> Disposal | None:
    """The list of a branch that the machine proposed and nobody prepared yet."""
    chosen = select(Disposal).where(Disposal.branch_id == branch_id, Disposal.state == PROPOSED)
    return session.scalars(chosen).one_or_none()


def list_disposals(session: Session, branch_id: int) -> Sequence[Disposal]:
    """The lists of a branch, newest first."""
    chosen = select(Disposal).where(Disposal.branch_id == branch_id)
    people = (joinedload(Disposal.prepared_by), joinedload(Disposal.signed_by))
    return session.scalars(chosen.options(*people).order_by(Disposal.id.desc())).all()


def count_waiting(session: Session, branch_id: int) -> int:
    """How many lists of a branch wait for a person."""
    waiting = select(func.count()).where(Disposal.branch_id == branch_id, Disposal.state.in_((PROPOSED, PREPARED)))
    return session.scalar(waiting) or 0


def count_by_kind(session: Session, disposal_id: int) -> list[tuple[str, int]]:
    """How many items of each kind a list has, in the order of the kinds."""
    rows = session.execute(
        select(DisposalItem.kind, func.count())
        .where(DisposalItem.disposal_id == disposal_id)
        .group_by(DisposalItem.kind)
    )
    counts = {row[0]: row[1] for row in rows}
    return [(kind, counts[kind]) for kind in DISPOSABLE if kind in counts]


def read_items(session: Session, disposal_id: int) -> list[Listed]:
    """Every item of a list."""
    chosen = select(DisposalItem).where(DisposalItem.disposal_id == disposal_id)
    return [
        Listed(kind=item.kind, row_id=item.row_id, about=item.about, digest=item.digest, dated=item.dated)
        for item in session.scalars(chosen.order_by(DisposalItem.kind, DisposalItem.row_id))
    ]


def hash_now(session: Session, disposal_id: int) -> str:
    """The hash of a list as it stands: a form carries it, so that nobody agrees to another list than the one shown."""
    return hash_of_list(read_items(session, disposal_id))


def page_items(session: Session, disposal_id: int, *, number: int, size: int = 50) -> Page[DisposalItem]:
    """One page of a list's items."""
    chosen = select(DisposalItem).where(DisposalItem.disposal_id == disposal_id)
    order = (DisposalItem.kind, DisposalItem.dated, DisposalItem.row_id)
    return read_page(session, chosen.order_by(*order), number=number, size=size)


def get_hold(session: Session, hold_id: int) -> LegalHold:
    """One hold. Raises HoldNotFound."""
    found = session.get(LegalHold, hold_id)
    if found is None:
        raise HoldNotFound()
    return found


def list_holds(session: Session, branch_id: int) -> Sequence[LegalHold]:
    """The holds of a branch's activities, those that stand first."""
    return session.scalars(
        select(LegalHold)
        .join(Activity, Activity.id == LegalHold.activity_id)
        .where(Activity.branch_id == branch_id)
        .options(joinedload(LegalHold.activity), joinedload(LegalHold.placed_by), joinedload(LegalHold.lifted_by))
        .order_by(LegalHold.lifted_at.is_not(None), LegalHold.id.desc())
    ).all()
