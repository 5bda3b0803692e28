"""A year's figures: equal to the archives' totals, frozen, published by a second person, withdrawn with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.certificates.scene import issue
from tests.corrections.town import LATER, Town, make_town
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.archives import service as archives
from timebank.archives.queries import list_member_rows
from timebank.archives.rules import MEMBERS
from timebank.certificates import service as certificates
from timebank.core.actor import SYSTEM, Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import queries as ledger
from timebank.reports import queries, service
from timebank.reports.models import YearlyReport
from timebank.reports.service import (
    AlreadyPublished,
    ClosedMeanwhile,
    NothingClosed,
    NotPublished,
    NotTheSamePerson,
    YearDraft,
)
from timebank.reports.service.yearly import WhyAnew
from timebank.reports.views.shown import on_paper, public_figures, sheets_of

DECEMBER = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
AT = {column.name: at for at, column in enumerate(MEMBERS.columns)}


@pytest.fixture
def town(session: Session) -> Town:
    """Three volunteers served in November, one had a haircut, one record was set right; November is closed."""
    made = make_town(session, 3)
    made.set_right(made.entry(0), 60)
    made.haircut(asker=1, barber=2, minutes=60)
    made.member(1).born_on = date(1950, 3, 1)
    close(session, made)
    return made


def close(session: Session, town: Town, month: str = "2026-11", now: datetime = DECEMBER) -> None:
    archives.close_month(session, branch=town.scene.branch, month=month, actor=SYSTEM, keys=KEYS, now=now)


def prepare(session: Session, town: Town, *, actor: Actor | None = None, **more: object) -> YearlyReport:
    given = {"year": 2026, "words": "", "form_key": "year"} | more
    draft = YearDraft(branch_id=town.scene.branch.id, **given)  # type: ignore[arg-type]
    return service.prepare_year(session, draft, actor=actor or town.manager, now=DECEMBER)


def test_the_figures_are_the_archives_totals(session: Session, town: Town) -> None:
    totals = prepare(session, town).figures["totals"]
    rows = list_member_rows(session, town.scene.branch, "2026-11")

    def summed(name: str) -> int:
        return sum(row[AT[name]] for row in rows)

    assert summed("signed") > 0
    assert (totals["signed"], totals["manual"]) == (summed("signed"), summed("manual"))
    assert (totals["issued"], totals["redeemed"]) == (summed("earned"), summed("redeemed"))
    assert totals["points"] == summed("points_earned")
    assert totals["registered"] == len(rows)


def test_every_table_sums_up_to_the_totals(session: Session, town: Town) -> None:
    figures = prepare(session, town).figures
    for name in ("by_category", "by_area", "by_age", "months"):
        rows = [row for row in figures[name] if row.get("closed", True)]
        for what in ("signed", "manual", "times"):
            assert sum(row[what] for row in rows) == figures["totals"][what], (name, what)


def test_people_are_counted_once_and_what_was_undone_not_at_all(session: Session) -> None:
    town = make_town(session, 3)
    town.set_right(town.entry(0), None)
    close(session, town)
    totals = prepare(session, town).figures["totals"]
    assert (totals["active"], totals["times"], totals["activities"], totals["shifts"]) == (2, 2, 1, 1)


def test_who_was_served_is_counted_and_not_named(session: Session, town: Town) -> None:
    figures = prepare(session, town).figures
    assert figures["totals"]["recipients"] == 1
    assert not [member.name for member in town.scene.volunteers if member.name in str(figures)]


def test_ages_stand_in_their_bands(session: Session, town: Town) -> None:
    bands = {row["name"]: row["people"] for row in prepare(session, town).figures["by_age"]}
    assert bands == {"70 岁及以上": 1, "没有登记出生日期": 2}


def test_a_month_that_is_not_closed_is_named_and_not_counted(session: Session, town: Town) -> None:
    months = prepare(session, town).figures["months"]
    assert [(one["month"], one["closed"]) for one in months] == [("2026-11", True), ("2026-12", False)]
    period = ledger.find_period(session, town.scene.branch.id, "2026-11")
    assert period is not None
    assert months[0]["seal"] == period.hash


def test_nothing_closed_is_nothing_to_count(session: Session) -> None:
    town = make_town(session, 1)
    with pytest.raises(NothingClosed):
        prepare(session, town)


def test_a_repeat_is_the_first_and_a_further_version_says_why(session: Session, town: Town) -> None:
    first = prepare(session, town)
    assert prepare(session, town) is first
    with pytest.raises(FormUsed):
        prepare(session, town, words="别的")
    with pytest.raises(WhyAnew):
        prepare(session, town, form_key="again")
    assert prepare(session, town, form_key="again", words="十二月结账了").version == 2


def test_figures_counted_before_a_month_was_closed_are_not_kept(session: Session, town: Town) -> None:
    draft = YearDraft(branch_id=town.scene.branch.id, year=2026, words="", form_key="year")
    january = datetime(2027, 1, 2, 3, 0, tzinfo=UTC)
    early = service.figures_for(session, draft, actor=town.manager, now=DECEMBER)
    close(session, town, "2026-12", january)
    with pytest.raises(ClosedMeanwhile):
        service.keep_year(session, draft, early, actor=town.manager, now=january)
    late = service.figures_for(session, draft, actor=town.manager, now=january)
    kept = service.keep_year(session, draft, late, actor=town.manager, now=january)
    assert service.keep_year(session, draft, early, actor=town.manager, now=january) is kept
    assert service.figures_for(session, draft, actor=town.manager, now=january) == kept.figures


def test_a_second_person_publishes_and_the_public_sees_the_newest(session: Session, town: Town) -> None:
    first = prepare(session, town)
    with pytest.raises(queries.ReportNotFound):
        queries.get_published(session, first.branch_id, 2026)
    with pytest.raises(NotTheSamePerson):
        service.publish_year(session, first.id, actor=town.manager, now=DECEMBER)
    service.publish_year(session, first.id, actor=town.deputy, now=DECEMBER)
    assert service.publish_year(session, first.id, actor=town.deputy, now=DECEMBER) is first
    assert queries.get_published(session, first.branch_id, 2026) is first
    second = prepare(session, town, form_key="again", words="补了一个月", actor=town.deputy)
    assert queries.get_published(session, first.branch_id, 2026) is first
    service.publish_year(session, second.id, actor=town.manager, now=DECEMBER)
    assert queries.get_published(session, first.branch_id, 2026) is second


def test_an_older_version_is_not_published_any_more(session: Session, town: Town) -> None:
    first = prepare(session, town)
    prepare(session, town, form_key="again", words="补了一个月")
    with pytest.raises(AlreadyPublished):
        service.publish_year(session, first.id, actor=town.deputy, now=DECEMBER)


def test_what_is_withdrawn_stays_withdrawn_until_a_new_version(session: Session, town: Town) -> None:
    report = prepare(session, town)
    with pytest.raises(NotPublished):
        service.withdraw_year(session, report.id, reason="数错了", actor=town.manager, now=DECEMBER)
    service.publish_year(session, report.id, actor=town.deputy, now=DECEMBER)
    service.withdraw_year(session, report.id, reason="数错了", actor=town.manager, now=DECEMBER)
    again = service.withdraw_year(session, report.id, reason="别的", actor=town.manager, now=DECEMBER)
    assert again.withdrawn_why == "数错了"
    assert queries.get_published(session, report.branch_id, 2026).withdrawn_at is not None


def test_an_inspector_and_a_stranger_publish_nothing(session: Session, town: Town) -> None:
    report = prepare(session, town)
    other = make_branch(session, "CX")
    stranger = actor_of(session, make_member(session, other, roles=("manager",)))
    for actor in (town.inspector, stranger):
        with pytest.raises(NotAllowed):
            service.publish_year(session, report.id, actor=actor, now=DECEMBER)


@pytest.mark.parametrize("change", ["figures = '{}'", "words = 'others'", "year = 2025", "version = 7"])
def test_the_database_keeps_figures_as_they_were_counted(session: Session, town: Town, change: str) -> None:
    prepare(session, town)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(f"UPDATE yearly_report SET {change}"))


def test_the_database_wants_two_people_and_one_publication(session: Session, town: Town) -> None:
    report = prepare(session, town)
    alone = f"published_by_id = {town.manager.member_id}, published_at = prepared_at"
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(f"UPDATE yearly_report SET {alone}"))
    service.publish_year(session, report.id, actor=town.deputy, now=DECEMBER)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text("UPDATE yearly_report SET published_by_id = NULL, published_at = NULL"))


def test_the_public_sees_few_people_only_together(session: Session, town: Town) -> None:
    counted = prepare(session, town).figures
    counted["totals"]["active"] = 7
    for band, people in zip(counted["by_age"], (2, 5), strict=True):
        band["people"] = people
    shown = {title: [row.name for row in rows] for title, _, rows in public_figures(counted)["groups"]}
    assert shown["按年龄"] == ["其他（人数少的合在一起）"]
    assert shown["按活动类别"] == []  # three people: they may all be among those of another month or category


def test_where_few_served_in_the_year_the_public_is_told_no_hours(session: Session, town: Town) -> None:
    figures = public_figures(prepare(session, town).figures)
    assert (figures["few"], figures["months"], figures["groups"]) == (True, [], [])
    assert figures["open"] == ["2026 年 12 月"]


def test_certificates_are_counted_when_issued_and_when_withdrawn(session: Session) -> None:
    town = make_town(session, 3)
    first = issue(town, 0)
    issue(town, 1)
    asked = certificates.ask_withdrawal(
        session, first.id, reason="开错了", form_key="out", actor=town.manager, now=LATER
    )
    certificates.agree_withdrawal(session, asked.id, actor=town.deputy, now=LATER)
    close(session, town)
    issue(town, 2, now=DECEMBER)  # in a month that is not closed
    report = prepare(session, town)
    totals = report.figures["totals"]
    assert (totals["certificates"], totals["certificates_withdrawn"]) == (2, 1)
    sheets = {name: list(rows) for name, _, rows in sheets_of(report.figures)}
    assert ("开具服务证明", 2, "份") in sheets["合计"]
    assert ("撤回服务证明", "1 份") in on_paper(report)["facts"]


def test_the_workbook_has_every_table(session: Session, town: Town) -> None:
    sheets = {name: list(rows) for name, _, rows in sheets_of(prepare(session, town).figures)}
    assert list(sheets) == ["合计", "按月", "按活动类别", "按居住区域", "按年龄"]
    assert ("2026-12", "还没有结账，不计在内") in sheets["按月"]
