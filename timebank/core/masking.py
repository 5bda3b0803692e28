"""How personal data look to people who need not see them whole."""


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
