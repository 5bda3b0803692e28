"""Reads of agreements: what was promised, how it stands, and what the organisations' people served."""

from timebank.agreements.queries.agreements import (
    AgreementNotFound,
    Article,
    DeedNotFound,
    PromiseNotFound,
    articles_of,
    find_agreement_by_key,
    find_deed_by_key,
    find_promise_by_key,
    get_agreement,
    get_deed,
    get_promise,
    list_agreements,
    list_branch_activities,
    list_unkept,
    list_waiting_agreements,
    list_year,
)
from timebank.agreements.queries.hours import PeopleHours, YearHours, people_hours, year_hours
from timebank.agreements.queries.summary import OrganisationYear, count_promises, list_years, summary_of_year

__all__ = [
    "AgreementNotFound",
    "Article",
    "DeedNotFound",
    "OrganisationYear",
    "PeopleHours",
    "PromiseNotFound",
    "YearHours",
    "articles_of",
    "count_promises",
    "find_agreement_by_key",
    "find_deed_by_key",
    "find_promise_by_key",
    "get_agreement",
    "get_deed",
    "get_promise",
    "list_agreements",
    "list_branch_activities",
    "list_unkept",
    "list_waiting_agreements",
    "list_year",
    "list_years",
    "people_hours",
    "summary_of_year",
    "year_hours",
]
