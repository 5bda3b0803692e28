"""Real threads meet on one form, one person, one agreement: each is answered once, and one of two decisions stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.agreements.scene import TODAY, make_scene, terms
from tests.exchange.scene import at_once, committed
from tests.exchange.test_races import won
from tests.world import KEYS, NOW
from timebank.agreements import service
from timebank.agreements.models import Promise, PromiseDeed
from timebank.agreements.queries import get_agreement
from timebank.members.models import ORGANISATION_STAFF, Member, OrganisationMember
from timebank.members.service import OrganisationDraft, join_organisation, register_organisation


def test_one_form_is_one_promise_and_one_deed(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = make_scene(session)
            drafted = scene.draft(year=2027, key="next").id
            _, theirs, _ = scene.signed()
            promise_id, actor = theirs.id, scene.first

        def promise(session: Session) -> int:
            more = terms(key="twice", due_on=TODAY.replace(year=2027))
            return service.add_promise(session, drafted, more, actor=actor, now=NOW).id

        def deed(session: Session) -> int:
            draft = service.DeedDraft(done_on=TODAY, quantity=1, words="合影", form_key="twice")
            return service.record_deed(session, promise_id, draft, actor=actor, now=NOW).id

        for verb in (promise, deed):
            same = won(at_once(fresh_database, [verb] * 4))
            assert (len(same), len(set(same))) == (4, 1)
        with work() as session:
            assert session.scalar(select(func.count()).select_from(PromiseDeed)) == 1
            assert session.scalar(select(func.count()).where(Promise.agreement_id == drafted)) == 1


def test_an_agreement_is_confirmed_or_sent_back_and_a_deed_is_taken_back_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = make_scene(session)
            agreement = scene.draft(year=2025, key="old")
            for side in ("branch", "organisation"):
                scene.promise(agreement, key=side, side=side, due_on=TODAY.replace(year=2025))
            scene.propose(agreement, signed_on=TODAY.replace(year=2025))
            agreement_id, second = agreement.id, scene.second
            _, theirs, _ = scene.signed()
            deed_id = scene.deed(theirs, key="done").id

        def confirm(session: Session) -> str:
            return service.confirm_agreement(session, agreement_id, actor=second, now=NOW).status

        def send_back(session: Session) -> str:
            return service.send_back_agreement(session, agreement_id, "日期", actor=second, now=NOW).status

        def take_back(key: str) -> Callable[[Session], Any]:
            return lambda session: (
                service.take_back_deed(session, deed_id, "记重了", form_key=key, actor=second, now=NOW).id
            )

        assert len(won(at_once(fresh_database, [confirm, send_back]))) == 1
        with work() as session:
            assert get_agreement(session, agreement_id).status in {"signed", "draft"}
        assert len(won(at_once(fresh_database, [take_back(f"{n}") for n in range(3)]))) == 1


def test_a_person_joins_one_of_two_organisations(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = make_scene(session)
            draft = OrganisationDraft(name="新碶小学", kind="school", branch_id=scene.branch_id, form_key="school")
            school = register_organisation(session, draft, actor=scene.first, keys=KEYS, now=NOW).id
            number = session.get_one(Member, scene.second_id).number
            actor, bank = scene.first, scene.organisation_id

        def join(organisation_id: int) -> Callable[[Session], Any]:
            return lambda session: (
                join_organisation(session, organisation_id, number, ORGANISATION_STAFF, actor=actor, now=NOW).id
            )

        assert len(set(won(at_once(fresh_database, [join(school), join(bank), join(school)])))) == 1
        with work() as session:
            open_ones = select(func.count()).where(
                OrganisationMember.member_id == scene.second_id, OrganisationMember.left_at.is_(None)
            )
            assert session.scalar(open_ones) == 1
