"""A payment between branches taken message by message."""

from __future__ import annotations

from datetime import datetime

from tests.clearing.scene import Between
from tests.world import NOW
from timebank.clearing import service
from timebank.clearing.models import Proposal
from timebank.clearing.rules import Envelope, write
from timebank.clearing.service import messages
from timebank.clearing.service.messages import Letter


class Steps:
    """A proposal taken step by step, each of which may be the last before the power goes."""

    def __init__(self, between: Between, minutes: int = 60, source_id: int = 1) -> None:
        self.between, self.minutes, self.source_id = between, minutes, source_id
        self.proposal: Proposal = service.reserve(between.session, between.draft(minutes), now=NOW)

    def proposed(self) -> Letter:
        return messages.send(self.between.session, self.proposal, messages.PROPOSED, minutes=self.minutes, now=NOW)

    def deliver(self, letter: Letter, *, now: datetime = NOW) -> str:
        """What comes later than it was sent for the first time was sent again, and so signed anew."""
        if now != letter.signed.sent_at:
            letter = self.between.again(letter, now=now)
        return service.deliver(self.between.session, letter, now=now)

    def signed(self, letter: Letter, envelope: Envelope, *, now: datetime = NOW) -> Letter:
        return messages.sign_letter(self.between.session, letter.from_id, letter.to_id, envelope, now=now)

    def changed(self, letter: Letter, **fields: int | str | None) -> Letter:
        """A message that the other branch made otherwise, with a hash and a signature that fit it."""
        return self.signed(letter, write({**letter.envelope.fields, **fields}))

    def accept(self) -> None:
        answer = self.deliver(self.proposed())
        service.conclude(self.between.session, self.proposal, messages.PROPOSED, answer, now=NOW)

    def commit(self) -> Letter:
        done = self.between.settlement(self.minutes, source_id=self.source_id)
        return service.commit(self.between.session, self.proposal, done, now=NOW)

    def resume(self) -> str:
        return service.resume_proposal(self.between.session, self.proposal.id, now=NOW)
