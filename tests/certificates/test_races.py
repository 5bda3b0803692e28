"""Double clicks, and certificates issued while what they list is corrected; real threads on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.certificates.scene import ADDRESS, key, town_of
from tests.corrections.town import LATER
from tests.exchange.scene import at_once, committed
from tests.world import KEYS, actor_of
from timebank.certificates import service
from timebank.certificates.models import VALID, Certificate, CertificateEntry
from timebank.corrections import service as corrections
from timebank.ledger.models import Entry


class Committed:
    """A committed morning of one volunteer."""

    def __init__(self, url: str) -> None:
        self.url = url
        with committed(url) as work, work() as session:
            town = town_of(session, 1)
            self.branch_id, self.member_id = town.scene.branch.id, town.member(0).id
            self.member, self.manager, self.entry = actor_of(session, town.member(0)), town.manager, town.entry(0)

    def issue(self, form_key: str = "", replaces_id: int | None = None) -> Callable[[Session], Any]:
        draft = service.CertificateDraft(
            member_id=self.member_id,
            branch_id=self.branch_id,
            form_key=form_key or key(),
            address=ADDRESS,
            replaces_id=replaces_id,
        )
        return lambda session: service.issue(session, draft, actor=self.member, keys=KEYS, now=LATER).id

    def correct(self, session: Session) -> Any:
        draft = corrections.CorrectionDraft(entry_id=self.entry, minutes=90, reason="记错了")
        return corrections.ask(session, draft, form_key=key(), actor=self.manager, now=LATER).status


def test_a_double_click_makes_one_certificate(fresh_database: str) -> None:
    town = Committed(fresh_database)
    answers = at_once(fresh_database, [town.issue("one")] * 4)
    assert len(set(answers)) == 1
    assert isinstance(answers[0], int)
    with committed(fresh_database) as work, work() as session:
        assert len(session.scalars(select(Certificate)).all()) == 1


def test_no_certificate_that_stands_lists_what_was_corrected_meanwhile(fresh_database: str) -> None:
    town = Committed(fresh_database)
    answers = at_once(fresh_database, [town.correct, *[town.issue() for _ in range(4)]])
    assert answers[0] == "done"
    assert all(isinstance(answer, int) for answer in answers[1:])
    with committed(fresh_database) as work, work() as session:
        undone = select(Entry.reverses_id).where(Entry.reverses_id.is_not(None))
        wrong = session.scalars(
            select(Certificate.id)
            .join(CertificateEntry, CertificateEntry.certificate_id == Certificate.id)
            .where(Certificate.status == VALID, CertificateEntry.entry_id.in_(undone))
        ).all()
        assert wrong == []
        minutes = {one.minutes: one.status for one in session.scalars(select(Certificate))}
        assert minutes.get(120, "withdrawn") == "withdrawn"
        assert minutes.get(90, VALID) == VALID


def test_two_presses_replace_a_withdrawn_one_once(fresh_database: str) -> None:
    town = Committed(fresh_database)
    with committed(fresh_database) as work:
        with work() as session:
            old = town.issue()(session)
        with work() as session:
            town.correct(session)
    answers = at_once(fresh_database, [town.issue(replaces_id=old), town.issue(replaces_id=old)])
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyReplaced", "int"]
