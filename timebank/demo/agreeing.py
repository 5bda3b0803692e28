"""Fifth chapter: organisations join with their people, sign an agreement, and keep what they promised, or not yet."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.agreements import service
from timebank.agreements.queries import find_agreement_by_key, find_promise_by_key
from timebank.core import clock
from timebank.core.clock import instant
from timebank.demo.calendar import first_day
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.organisations import ORGANISATIONS, Neighbour, PromiseOf
from timebank.members.models import CONTACT, ORGANISATION_STAFF
from timebank.members.queries import find_organisation_by_key, get_member
from timebank.members.service import (
    OrganisationDraft,
    close_organisation,
    join_organisation,
    register_organisation,
)

SECOND: Final = "沃静波"  # the branches have one manager each: the administrator is the second person
_SIGNED_AFTER: Final = timedelta(days=8)


def join_organisations(story: Story) -> None:
    """Note when organisations come, sign, and do what they promised."""
    opening = instant(first_day(story.now), time(10, 20))
    for row, neighbour in enumerate(ORGANISATIONS):
        at = opening + timedelta(days=3, minutes=30 * row)
        story.note(at, _take_in, neighbour)
        if neighbour.left:
            story.note(story.now - timedelta(days=20), _leave, neighbour)
        if neighbour.promises:
            story.note(at + _SIGNED_AFTER - timedelta(days=4), _draft, neighbour)
            story.note(at + _SIGNED_AFTER, _sign, neighbour)
        for number, promise in enumerate(neighbour.promises):
            for days, quantity, words in promise.done:
                story.note(at + timedelta(days=days), _do, neighbour, number, quantity, words)
    story.note(story.now - timedelta(days=3), _draft, next(one for one in ORGANISATIONS if not one.promises))


def _take_in(story: Story, neighbour: Neighbour, at: datetime) -> None:
    draft = OrganisationDraft(
        name=neighbour.name,
        kind=neighbour.kind,
        credit_code=neighbour.credit_code,
        contact_name=neighbour.contact,
        contact_phone="0574-86780000" if neighbour.contact else "",
        address=neighbour.address,
        words=neighbour.words,
        branch_id=story.branch_ids[neighbour.branch],
        form_key=_key(neighbour),
    )
    actor = story.actor(MANAGERS[neighbour.branch])
    made = register_organisation(story.session, draft, actor=actor, keys=story.keys, now=at)
    for row, name in enumerate(neighbour.people):
        if name in story.residents:  # others come to the branch later, and are not known as theirs
            number = get_member(story.session, story.residents[name].member_id).number
            role = ORGANISATION_STAFF if row else CONTACT
            join_organisation(story.session, made.id, number, role, actor=actor, now=at)


def _leave(story: Story, neighbour: Neighbour, at: datetime) -> None:
    made = find_organisation_by_key(story.session, _key(neighbour))
    if made is not None:
        actor = story.actor(MANAGERS[neighbour.branch])
        close_organisation(story.session, made.id, reason=neighbour.left, actor=actor, now=at)


def _draft(story: Story, neighbour: Neighbour, at: datetime) -> None:
    """The agreement of the year in which the town opened, with what both sides want to promise."""
    made = find_organisation_by_key(story.session, _key(neighbour))
    if made is None:
        return
    opened, actor = first_day(story.now), story.actor(MANAGERS[neighbour.branch])
    words = "双方本着资源共享、共驻共建的原则，商定各自的承诺，按期兑现，向居民公开。"
    draft = service.AgreementDraft(organisation_id=made.id, year=opened.year, words=words, form_key=_key(neighbour))
    agreement = service.draft_agreement(story.session, draft, actor=actor, now=at)
    for number, promise in enumerate(neighbour.promises):
        terms = _terms(promise, opened, f"{_key(neighbour)}:{number}")
        service.add_promise(story.session, agreement.id, terms, actor=actor, now=at)


def _terms(promise: PromiseOf, opened: date, key: str) -> service.PromiseTerms:
    last = date(opened.year, 12, 31)
    return service.PromiseTerms(
        side=promise.side,
        category=promise.category,
        words=promise.words,
        quantity=promise.quantity,
        unit=promise.unit,
        due_on=min(opened + timedelta(days=promise.due), last),
        form_key=key,
    )


def _sign(story: Story, neighbour: Neighbour, at: datetime) -> None:
    agreement = find_agreement_by_key(story.session, _key(neighbour))
    if agreement is None:
        return
    manager = MANAGERS[neighbour.branch]
    signing = service.Signing(signed_on=clock.today(at), branch_signer=manager, organisation_signer=neighbour.contact)
    service.propose_agreement(story.session, agreement.id, signing, actor=story.actor(manager), now=at)
    later = at + timedelta(hours=3)
    service.confirm_agreement(story.session, agreement.id, actor=story.actor(SECOND), now=later)


def _do(story: Story, neighbour: Neighbour, number: int, quantity: int, words: str, at: datetime) -> None:
    promise = find_promise_by_key(story.session, f"{_key(neighbour)}:{number}")
    if promise is None:
        return
    deed = service.DeedDraft(
        done_on=clock.today(at), quantity=quantity, words=words, form_key=f"{promise.form_key}:{at:%Y%m%d}"
    )
    service.record_deed(story.session, promise.id, deed, actor=story.actor(MANAGERS[neighbour.branch]), now=at)


def _key(neighbour: Neighbour) -> str:
    return f"demo:organisation:{neighbour.name}"
