"""Fifth chapter: organisations join with their people, sign an agreement, and keep what they promised, or not yet."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.core import clock
from timebank.core.clock import instant
from timebank.demo.calendar import first_day
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.partners import PARTNERS, Partner, PromiseOf
from timebank.members.models import CONTACT, ORGANISATION_STAFF
from timebank.members.queries import find_organisation_by_key, get_member
from timebank.members.service import (
    OrganisationDraft,
    close_organisation,
    join_organisation,
    register_organisation,
)
from timebank.partners import service
from timebank.partners.queries import find_agreement_by_key, find_promise_by_key

SECOND: Final = "沃静波"  # the branches have one manager each: the administrator is the second person
_SIGNED_AFTER: Final = timedelta(days=8)


def join_partners(story: Story) -> None:
    """Note when organisations come, sign, and do what they promised."""
    opening = instant(first_day(story.now), time(10, 20))
    for row, partner in enumerate(PARTNERS):
        at = opening + timedelta(days=3, minutes=30 * row)
        story.note(at, _take_in, partner)
        if partner.left:
            story.note(story.now - timedelta(days=20), _leave, partner)
        if partner.promises:
            story.note(at + _SIGNED_AFTER - timedelta(days=4), _draft, partner)
            story.note(at + _SIGNED_AFTER, _sign, partner)
        for number, promise in enumerate(partner.promises):
            for days, quantity, words in promise.done:
                story.note(at + timedelta(days=days), _do, partner, number, quantity, words)
    story.note(story.now - timedelta(days=3), _draft, next(one for one in PARTNERS if not one.promises))


def _take_in(story: Story, partner: Partner, at: datetime) -> None:
    draft = OrganisationDraft(
        name=partner.name,
        kind=partner.kind,
        credit_code=partner.credit_code,
        contact_name=partner.contact,
        contact_phone="0574-86780000" if partner.contact else "",
        address=partner.address,
        words=partner.words,
        branch_id=story.branch_ids[partner.branch],
        form_key=_key(partner),
    )
    actor = story.actor(MANAGERS[partner.branch])
    made = register_organisation(story.session, draft, actor=actor, keys=story.keys, now=at)
    for row, name in enumerate(partner.people):
        if name in story.residents:  # others come to the branch later, and are not known as theirs
            number = get_member(story.session, story.residents[name].member_id).number
            role = ORGANISATION_STAFF if row else CONTACT
            join_organisation(story.session, made.id, number, role, actor=actor, now=at)


def _leave(story: Story, partner: Partner, at: datetime) -> None:
    made = find_organisation_by_key(story.session, _key(partner))
    if made is not None:
        actor = story.actor(MANAGERS[partner.branch])
        close_organisation(story.session, made.id, reason=partner.left, actor=actor, now=at)


def _draft(story: Story, partner: Partner, at: datetime) -> None:
    """The agreement of the year in which the town opened, with what both sides want to promise."""
    made = find_organisation_by_key(story.session, _key(partner))
    if made is None:
        return
    opened, actor = first_day(story.now), story.actor(MANAGERS[partner.branch])
    words = "双方本着资源共享、共驻共建的原则，商定各自的承诺，按期兑现，向居民公开。"
    draft = service.AgreementDraft(organisation_id=made.id, year=opened.year, words=words, form_key=_key(partner))
    agreement = service.draft_agreement(story.session, draft, actor=actor, now=at)
    for number, promise in enumerate(partner.promises):
        terms = _terms(promise, opened, f"{_key(partner)}:{number}")
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


def _sign(story: Story, partner: Partner, at: datetime) -> None:
    agreement = find_agreement_by_key(story.session, _key(partner))
    if agreement is None:
        return
    manager = MANAGERS[partner.branch]
    signing = service.Signing(signed_on=clock.today(at), branch_signer=manager, organisation_signer=partner.contact)
    service.propose_agreement(story.session, agreement.id, signing, actor=story.actor(manager), now=at)
    later = at + timedelta(hours=3)
    service.confirm_agreement(story.session, agreement.id, actor=story.actor(SECOND), now=later)


def _do(story: Story, partner: Partner, number: int, quantity: int, words: str, at: datetime) -> None:
    promise = find_promise_by_key(story.session, f"{_key(partner)}:{number}")
    if promise is None:
        return
    deed = service.DeedDraft(
        done_on=clock.today(at), quantity=quantity, words=words, form_key=f"{promise.form_key}:{at:%Y%m%d}"
    )
    service.record_deed(story.session, promise.id, deed, actor=story.actor(MANAGERS[partner.branch]), now=at)


def _key(partner: Partner) -> str:
    return f"demo:partner:{partner.name}"
