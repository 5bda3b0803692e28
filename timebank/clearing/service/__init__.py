"""The verbs between branches."""

from timebank.clearing.rules import ProposalMoved
from timebank.clearing.service.answering import deliver
from timebank.clearing.service.cases import settle_case
from timebank.clearing.service.ceilings import Ceiling, set_ceiling
from timebank.clearing.service.deciding import Deciding
from timebank.clearing.service.drafting import Settlement
from timebank.clearing.service.exceptions import Signing, sign_exception
from timebank.clearing.service.heaps import take_item
from timebank.clearing.service.joining import join_branches
from timebank.clearing.service.locking import lock_pairs
from timebank.clearing.service.netting import NettingDraft, agree_netting, ask_netting, decline_netting
from timebank.clearing.service.pairs import (
    agree_pair,
    ask_pair,
    close_pair,
    decline_pair,
    freeze_pair,
    resume_pair,
    set_line,
)
from timebank.clearing.service.proposals import (
    ProposalDraft,
    cancel,
    commit,
    conclude,
    propose,
    reserve,
    resume_proposal,
    settle,
)
from timebank.clearing.service.reconciling import reconcile, reconcile_all
from timebank.clearing.service.refusals import (
    AlreadySealed,
    BadLine,
    CaseSettled,
    CasesOpen,
    CeilingReached,
    EarlierMonthFirst,
    ExceptionMoved,
    ItemNotYours,
    ItemSettled,
    LineFull,
    MonthRunning,
    NettingEnded,
    NotACircle,
    NotConnected,
    NothingToExcept,
    NotYours,
    OneHandPair,
    PairFrozen,
    PairNotReady,
    SameBranch,
    SideSigned,
    StillOwed,
    WordsMissing,
)
from timebank.clearing.service.reversing import reverse_settled
from timebank.clearing.service.sealing import seal_statements

__all__ = [
    "AlreadySealed",
    "BadLine",
    "CaseSettled",
    "CasesOpen",
    "Ceiling",
    "CeilingReached",
    "Deciding",
    "EarlierMonthFirst",
    "ExceptionMoved",
    "ItemNotYours",
    "ItemSettled",
    "LineFull",
    "MonthRunning",
    "NettingDraft",
    "NettingEnded",
    "NotACircle",
    "NotConnected",
    "NotYours",
    "NothingToExcept",
    "OneHandPair",
    "PairFrozen",
    "PairNotReady",
    "ProposalDraft",
    "ProposalMoved",
    "SameBranch",
    "Settlement",
    "SideSigned",
    "Signing",
    "StillOwed",
    "WordsMissing",
    "agree_netting",
    "agree_pair",
    "ask_netting",
    "ask_pair",
    "cancel",
    "close_pair",
    "commit",
    "conclude",
    "decline_netting",
    "decline_pair",
    "deliver",
    "freeze_pair",
    "join_branches",
    "lock_pairs",
    "propose",
    "reconcile",
    "reconcile_all",
    "reserve",
    "resume_pair",
    "resume_proposal",
    "reverse_settled",
    "seal_statements",
    "set_ceiling",
    "set_line",
    "settle",
    "settle_case",
    "sign_exception",
    "take_item",
]
