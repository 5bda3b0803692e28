"""The verbs of people: register, decide, give roles, sign in, teams, cards. None of them commits."""

from timebank.members.service.authority import LastAdministrator, OutOfReach
from timebank.members.service.cards import issue_card, reissue_card
from timebank.members.service.credentials import (
    PinExpired,
    WrongPassword,
    change_password,
    choose_password,
    set_password,
    set_pin,
)
from timebank.members.service.decisions import (
    AlreadyDecided,
    approve_member,
    decline_member,
    resume_member,
    suspend_member,
)
from timebank.members.service.profiles import (
    Document,
    MemberChange,
    ProfileChange,
    change_member,
    change_profile,
    record_identity,
    remove_identity,
    unmask,
)
from timebank.members.service.registration import (
    AlreadyRegistered,
    IdNumberTaken,
    NeedsGuardian,
    NewMember,
    NoConsent,
    register,
    register_by_staff,
)
from timebank.members.service.roles import NotGrantable, end_role, grant_role
from timebank.members.service.sign_in import (
    SignInAnswer,
    SignInRefused,
    TooManyAttempts,
    begin_sign_in,
    check_sign_in,
    finish_sign_in,
)
from timebank.members.service.teams import TeamNameTaken, create_team, join_team, leave_team, set_leader

__all__ = [
    "AlreadyDecided",
    "AlreadyRegistered",
    "Document",
    "IdNumberTaken",
    "LastAdministrator",
    "MemberChange",
    "NeedsGuardian",
    "NewMember",
    "NoConsent",
    "NotGrantable",
    "OutOfReach",
    "PinExpired",
    "ProfileChange",
    "SignInAnswer",
    "SignInRefused",
    "TeamNameTaken",
    "TooManyAttempts",
    "WrongPassword",
    "approve_member",
    "begin_sign_in",
    "change_member",
    "change_password",
    "change_profile",
    "check_sign_in",
    "choose_password",
    "create_team",
    "decline_member",
    "end_role",
    "finish_sign_in",
    "grant_role",
    "issue_card",
    "join_team",
    "leave_team",
    "record_identity",
    "register",
    "register_by_staff",
    "reissue_card",
    "remove_identity",
    "resume_member",
    "set_leader",
    "set_password",
    "set_pin",
    "suspend_member",
    "unmask",
]
