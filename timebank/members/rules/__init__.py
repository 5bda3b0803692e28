"""Pure rules of people: numbers and codes, names, phones, documents, passwords, consent texts, who may grant what."""

from timebank.members.rules.codes import (
    is_member_number,
    member_number,
    personal_code,
    read_member_number,
    read_personal_code,
)
from timebank.members.rules.consent import (
    CONSENT_TEXTS,
    CONSENT_VERSION,
    GUARDIAN,
    IDENTITY,
    NAMED,
    PERSONAL_DATA,
    ConsentText,
)
from timebank.members.rules.documents import BadIdNumber, IdNumber, read_id_number
from timebank.members.rules.passes import CardCodes, PassKey, card_codes, pass_keys, personal_pass, read_personal_pass
from timebank.members.rules.passwords import WeakPassword, check_password, tidy_password
from timebank.members.rules.people import (
    ADULT,
    ADULT_ENOUGH,
    BadName,
    BadPhone,
    age_on,
    alias_for,
    is_minor,
    tidy_name,
    tidy_phone,
    words_for_address,
)
from timebank.members.rules.roles import EVERYWHERE, GRANTABLE, Place, grantable_roles, may_grant

__all__ = [
    "ADULT",
    "ADULT_ENOUGH",
    "CONSENT_TEXTS",
    "CONSENT_VERSION",
    "EVERYWHERE",
    "GRANTABLE",
    "GUARDIAN",
    "IDENTITY",
    "NAMED",
    "PERSONAL_DATA",
    "BadIdNumber",
    "BadName",
    "BadPhone",
    "CardCodes",
    "ConsentText",
    "IdNumber",
    "PassKey",
    "Place",
    "WeakPassword",
    "age_on",
    "alias_for",
    "card_codes",
    "check_password",
    "grantable_roles",
    "is_member_number",
    "is_minor",
    "may_grant",
    "member_number",
    "pass_keys",
    "personal_code",
    "personal_pass",
    "read_id_number",
    "read_member_number",
    "read_personal_code",
    "read_personal_pass",
    "tidy_name",
    "tidy_password",
    "tidy_phone",
    "words_for_address",
]
