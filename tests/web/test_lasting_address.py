"""The address that is signed into certificates and printed on cards: never one that whoever asks made up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from timebank.certificates.views.base import address
from timebank.web.keyring import AddressUnknown, lasting_base

EVIL = "http://evil.example.com"
pytestmark = pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("asked", [lasting_base, address])
def test_a_made_up_host_is_refused(app: Flask, asked: Callable[[], str]) -> None:
    with app.test_request_context(base_url=EVIL), pytest.raises(AddressUnknown):
        asked()


def test_the_address_that_was_set_holds_whoever_asks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TIMEBANK_URL", "https://bank.example.org")
    with app.test_request_context(base_url=EVIL):
        assert address() == "https://bank.example.org/certificates"


@pytest.mark.parametrize("own", ["http://localhost:5000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_a_trial_on_the_machine_itself_needs_no_address(app: Flask, own: str) -> None:
    with app.test_request_context(base_url=own):
        assert lasting_base() == own


def test_a_demo_carries_the_address_it_is_reached_by(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TIMEBANK_DEMO", True)
    with app.test_request_context(base_url="http://demo.example.org"):
        assert lasting_base() == "http://demo.example.org"
