"""Loading the town: whole, once, and only into a database in which nobody else lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from timebank.branches.queries import BranchNotFound, get_branch_by_code, list_branches
from timebank.core.errors import Conflict
from timebank.core.keys import Keys
from timebank.demo.agreeing import join_organisations
from timebank.demo.announcing import announce_occasions
from timebank.demo.certifying import certify
from timebank.demo.connecting import connect_branches
from timebank.demo.disagreeing import disagree
from timebank.demo.filing import file_months
from timebank.demo.lapsing import let_things_end
from timebank.demo.partnering import open_partners
from timebank.demo.recognising import recognise
from timebank.demo.reconciling import compare_books
from timebank.demo.redeeming import open_exchange
from timebank.demo.requesting import take_requests
from timebank.demo.settling import open_town
from timebank.demo.sharing import share_coins
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI


class DatabaseInUse(Conflict):
    """Branches that are not the town's."""

    code = "demo.database_in_use"
    text = "这个数据库里已经有网点（{branches}），演示数据不能和真实数据放在一起。请换一个空的数据库。"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What was loaded, in numbers; ``repeated`` when it had been there before."""

    repeated: bool
    people: int = 0
    happenings: int = 0


def is_loaded(session: Session) -> bool:
    """Whether the town is in this database."""
    try:
        get_branch_by_code(session, DAQI)
    except BranchNotFound:
        return False
    return True


def load(session: Session, *, keys: Keys, folder: Path, now: datetime) -> Loaded:
    """Load the town as it is at ``now``, in the caller's transaction; archive packages go below ``folder``.

    Loaded before, nothing changes. Raises DatabaseInUse.
    """
    if is_loaded(session):
        return Loaded(repeated=True)
    if strangers := list_branches(session, closed=True):
        raise DatabaseInUse(branches="、".join(branch.code for branch in strangers))
    story = Story(session=session, keys=keys, folder=folder, now=now.replace(second=0, microsecond=0))
    open_town(story)
    announce_occasions(story)
    open_exchange(story)
    open_partners(story)
    disagree(story)
    join_organisations(story)
    share_coins(story)
    recognise(story)
    let_things_end(story)
    certify(story)
    take_requests(story)
    connect_branches(story)
    compare_books(story)
    file_months(story)
    happenings = story.diary.play(story.now)
    return Loaded(repeated=False, people=len(story.residents), happenings=happenings)
