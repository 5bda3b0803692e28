"""Keys per purpose: what one purpose sealed, another cannot open."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from timebank.core.keys import Keys

KEYS = Keys(b"a secret that is long enough to be one")
OTHER = Keys(b"another secret that is long enough as well")


@given(st.text())
def test_a_sealed_field_opens_to_what_was_sealed(plain):
    assert KEYS.decrypt("phone", KEYS.encrypt("phone", plain)) == plain


def test_sealing_twice_gives_different_texts():
    assert KEYS.encrypt("phone", "13812345678") != KEYS.encrypt("phone", "13812345678")


def test_a_field_does_not_open_for_another_purpose_or_secret():
    sealed = KEYS.encrypt("phone", "13812345678")
    with pytest.raises(InvalidTag):
        KEYS.decrypt("id_number", sealed)
    with pytest.raises(InvalidTag):
        OTHER.decrypt("phone", sealed)


def test_a_changed_field_does_not_open():
    sealed = KEYS.encrypt("phone", "13812345678")
    changed = ("B" if sealed[20] == "A" else "A").join([sealed[:20], sealed[21:]])
    with pytest.raises(InvalidTag):
        KEYS.decrypt("phone", changed)


def test_an_index_is_stable_and_apart_by_purpose_and_secret():
    assert KEYS.index("phone", "1") == KEYS.index("phone", "1")
    assert len({KEYS.index("phone", "1"), KEYS.index("id", "1"), OTHER.index("phone", "1")}) == 3


def test_the_secret_itself_is_not_shown():
    assert "a secret" not in repr(KEYS)
