"""How personal data look to people who need not see them whole."""

import re

# Region, birth date, order and check character of GB 11643, standing alone in a text.
_ID_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
)
# Eleven digits beginning with 13 to 19, standing alone: not a part of a hash, of a key or of a longer number.
_MOBILE = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")


def mask_name(name: str) -> str:
    """Keep the first character: ``张小红`` → ``张**``."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def mask_phone(phone: str) -> str:
    """Keep three and four digits: ``138****5678``."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"


def mask_id_number(number: str) -> str:
    """Keep the first and the last character only: ``3****************X``."""
    return f"{number[:1]}{'*' * (len(number) - 2)}{number[-1:]}" if len(number) > 2 else "**"


def mask_number(number: str) -> str:
    """Keep the letters in front and the last two digits of a member's number: ``HL****07``."""
    letters = number[: len(number) - len(number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
    return f"{letters}{'*' * max(len(number) - len(letters) - 2, 2)}{number[-2:]}"


def mask_id_numbers(text: str) -> str:
    """The text with whatever in it looks like a resident ID number masked: people write them where none is asked."""
    return _ID_NUMBER.sub(lambda found: mask_id_number(found[0]), text)


def mask_numbers(text: str) -> str:
    """The same with mobile phone numbers masked, too: what leaves the bank in a file."""
    return _MOBILE.sub(lambda found: mask_phone(found[0]), mask_id_numbers(text))


def holds_numbers(text: str) -> bool:
    """Whether a resident ID number or a mobile phone number stands in the text in clear."""
    return _ID_NUMBER.search(text) is not None or _MOBILE.search(text) is not None
