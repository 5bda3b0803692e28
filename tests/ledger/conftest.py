"""A bank on each engine."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.ledger.bank import Bank, open_bank


@pytest.fixture
def bank(session: Session) -> Bank:
    """An empty bank; what a test does to it is rolled back."""
    return open_bank(session)


@pytest.fixture
def funded(bank: Bank) -> Bank:
    """A bank where ann has 300 minutes and bo 100."""
    bank.earn("ann", 300)
    bank.earn("bo", 100)
    return bank
