"""Personal passes: made here, judged anywhere with the public key, and by nothing else."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
import qrcode
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_ALPHA_NUM

from tests.world import KEYS, NOW
from timebank.core import codes
from timebank.core.keys import Keys
from timebank.members.rules import pass_keys, personal_code, personal_pass, read_personal_pass
from timebank.rotation.rules import FIRST, Generation

SERIAL = "7AB3KXY"
DAY = timedelta(days=1)

# Held for other programs that read passes: secret, generation and serial, the public key, and the pass.
VECTOR_SECRET = Keys(b"a secret that everybody may know: 1")
VECTORS = [
    (0, "7AB3KXY", "Lo3dhx5t7C0SE02j92VRo11nzG2rdMJzTy6MDFXUQEA",
     "P207AB3KXY"
     "35CYXW2J9SJM6W4SX7Q2W21JQQ74256Q1N3G8N4N5M47QNB4CRHS"
     "T7RE7E1JQJVC1EVB6XVN1BTCE8TW5FNQ6XTT63V2B2PJ2DEMAPT0"),
    (1, "0000000", "lSQz9cCRA3X39GHaoapCg4cjyxcSl8YNqCwO2_OR4a4",
     "P210000000"
     "386FMTVEG4BHS0EVJEQA8WQB1K3RP2ECCB68QT0MRPJYYGBN3556"
     "G5XHGF587JXVDETXAV2W3KJKMVJDE83SY9101N633ENPGH3E3M0T"),
    (32, "YYYYYYY", "94RgsZAGijRfrdmlYCOGT6Egx6V_WgoZj6I9e98ObHw",
     "P21YYYYYYY"
     "15N8WR14AYRS0YE6WGMM80XVAP05SG7686PQBF9QKHBTDVAE22QH"
     "K91DX3KCA11DNBVJ34WR0KF54QX8DVJWJC3PGW3TMNYKJ3VXC86G"),
]  # fmt: skip


def generation(number: int, from_at: datetime | None = NOW, until: datetime | None = None) -> Generation:
    return Generation(number=number, from_at=from_at, accepted_until=until)


def test_a_pass_is_114_letters_of_the_alphabet_and_reads_back() -> None:
    made = personal_pass(KEYS, SERIAL)

    assert len(made) == 114
    assert set(made) <= set(codes.ALPHABET)
    for text in (made, made.lower(), f"HTTPS://BANK.EXAMPLE/P/{made}", f"/P/{made}?x=1", f" {made} "):
        assert read_personal_pass(KEYS, text) == SERIAL


def test_the_public_key_alone_judges_a_pass() -> None:
    """What a phone does: no secret, only the list it was given and the text of the QR."""
    [key] = pass_keys(KEYS, [FIRST], NOW)
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["public_key"] + "="))
    made = personal_pass(KEYS, SERIAL)

    number = 0
    for letter in made[10:]:
        number = number * 31 + "0123456789ABCDEFGHJKMNPQRSTVWXY".index(letter)
    public.verify(number.to_bytes(64, "big"), made[:10].encode("ascii"))
    assert (made[2], key["accepted_until"]) == (key["mark"], None)


@pytest.mark.parametrize(("number", "serial", "public_key", "made"), VECTORS)
def test_passes_stay_as_other_programs_know_them(number: int, serial: str, public_key: str, made: str) -> None:
    assert personal_pass(VECTOR_SECRET, serial, number) == made
    [key] = pass_keys(VECTOR_SECRET, [generation(number)], NOW)
    assert key["public_key"] == public_key


def test_only_generations_that_count_are_given_to_devices() -> None:
    old, older = generation(1, NOW - DAY, NOW + DAY), generation(0, None, NOW)
    given = pass_keys(KEYS, [generation(2), old, older], NOW)

    assert [(key["generation"], key["accepted_until"]) for key in given] == [(2, None), (1, (NOW + DAY).isoformat())]


def test_a_pass_of_another_generation_key_or_card_is_none() -> None:
    made = personal_pass(KEYS, SERIAL, 1)

    assert read_personal_pass(KEYS, made) is None
    assert read_personal_pass(KEYS, made, [generation(32), generation(0)]) is None  # 32 has the mark of 1
    assert read_personal_pass(KEYS, made, [generation(2), generation(1)]) == SERIAL
    assert read_personal_pass(Keys(b"another secret of this length, at least"), made, [generation(1)]) is None
    assert read_personal_pass(KEYS, made.replace(SERIAL, "7AB3KXX"), [generation(1)]) is None
    assert read_personal_pass(KEYS, personal_code(KEYS, SERIAL)) is None


def test_every_pass_has_one_spelling() -> None:
    """31^104 is more than 2^512: a number beyond the signature's bytes is refused, not cut."""
    made = personal_pass(KEYS, SERIAL)
    number = int.from_bytes(codes.decode(made[10:], 64) or b"", "big")
    more = number + (1 << 512)
    letters = codes.encode(more.to_bytes(65, "big"), 104)

    assert codes.decode(letters, 64) is None
    assert read_personal_pass(KEYS, made[:10] + letters) is None
    assert read_personal_pass(KEYS, "P20" + "Y" * 111) is None


@pytest.mark.parametrize("host", ["BANK.EXAMPLE.ORG", "HONGLING.BEILUN.GOV.CN"])
def test_the_qr_of_a_pass_is_small(host: str) -> None:
    """Capitals keep it in alphanumeric mode: 41 modules a side, where the same in small letters would need 49."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data(f"HTTPS://{host}/P/{personal_pass(KEYS, SERIAL)}")
    code.make()

    assert [chunk.mode for chunk in code.data_list] == [MODE_ALPHA_NUM]
    assert code.modules_count == 41
