"""The verbs of agreements. They never commit; a door's unit of work does.

Whatever changes an agreement, its promises or what was done locks the agreement first.
"""

from timebank.agreements.service.agreements import (
    AgreementDraft,
    AgreementFinal,
    BadSigning,
    OneSided,
    SameHand,
    Signing,
    YearTaken,
    confirm_agreement,
    draft_agreement,
    drop_agreement,
    end_agreement,
    propose_agreement,
    reword_agreement,
    send_back_agreement,
)
from timebank.agreements.service.deeds import BadDeed, DeedDraft, TakenBack, record_deed, take_back_deed
from timebank.agreements.service.promises import (
    BadPromise,
    ChangeDecided,
    ChangeWaiting,
    NothingChanges,
    PromiseTerms,
    add_promise,
    ask_change,
    ask_promise,
    decide_change,
    remove_promise,
)
from timebank.agreements.service.reminding import remind_of_promises

__all__ = [
    "AgreementDraft",
    "AgreementFinal",
    "BadDeed",
    "BadPromise",
    "BadSigning",
    "ChangeDecided",
    "ChangeWaiting",
    "DeedDraft",
    "NothingChanges",
    "OneSided",
    "PromiseTerms",
    "SameHand",
    "Signing",
    "TakenBack",
    "YearTaken",
    "add_promise",
    "ask_change",
    "ask_promise",
    "confirm_agreement",
    "decide_change",
    "draft_agreement",
    "drop_agreement",
    "end_agreement",
    "propose_agreement",
    "record_deed",
    "remind_of_promises",
    "remove_promise",
    "reword_agreement",
    "send_back_agreement",
    "take_back_deed",
]
