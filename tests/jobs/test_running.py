"""The leader runs jobs and writes each run down: makes up for what was missed, tries again what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.archives.conftest import bare_app as bare_app
from tests.archives.months import AUGUST, NOVEMBER, small_town
from tests.tampering import tamper
from tests.world import KEYS, make_member
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import PROGRAM_FAILED
from timebank.jobs.leader import FileLeadership
from timebank.jobs.running import Lead, build, make_up, process_name, run_job
from timebank.jobs.schedule import list_missed, next_due, words_of
from timebank.jobs.tasks import JOBS, BranchesFailed, Place, close_months
from timebank.ledger import queries as ledger
from timebank.notices.models import Notice
from timebank.watch import queries as watch

HOUR = timedelta(hours=1)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(keys=KEYS, archives=tmp_path)


@pytest.fixture
def town(bare_app: Flask) -> Iterator[Branch]:
    """A branch with three months to close, at the third of November."""
    with transaction() as session:
        branch = small_town(session)[0]
        make_member(session, branch, roles=("manager",), now=AUGUST)
        make_member(session, branch, roles=("administrator",), now=AUGUST)
    clock.move(NOVEMBER - clock.now())
    yield branch
    clock.put_right()


def latest(job: str = "close_months") -> tuple[str, int, int | None]:
    db.session.rollback()  # what was read before is not what is there now
    run = watch.list_latest(db.session())[job]
    return run.result, run.attempt, run.count


def test_after_three_months_of_silence_the_months_close_one_after_the_other(
    bare_app: Flask, town: Branch, place: Place
) -> None:
    lead = Lead(bare_app, place)
    todo = lead.begin()
    assert "close_months" in todo
    lead.run("close_months", "start", todo["close_months"])
    assert latest() == ("done", 1, 3)
    assert ledger.closed_months(db.session(), town.id) == ["2026-08", "2026-09", "2026-10"]
    seals = [ledger.find_period(db.session(), town.id, month) for month in ("2026-08", "2026-09", "2026-10")]
    assert [one.previous_hash for one in seals if one][1:] == [one.hash for one in seals if one][:-1]
    lead.run("close_months")
    assert latest() == ("done", 1, 0)


def test_what_went_wrong_is_kept_with_its_sentence_and_tried_again_also_by_the_next_process(
    bare_app: Flask, town: Branch, place: Place
) -> None:
    (place.archives / "BL").write_text("not a folder")
    lead = Lead(bare_app, place)
    lead.run("close_months")
    run = watch.list_latest(db.session())["close_months"]
    assert run.words == "BL 的结账出错，没有完成；其余网点做好 0 个归档包。原因见“月度归档”页的结账经过和运行日志。"
    assert run.process == process_name()
    assert lead.list_due() == []
    lead.run("close_months")  # the schedule's own hour: it waits
    assert latest() == ("failed", 1, None)
    clock.move(timedelta(minutes=1))
    [(job, since)] = lead.list_due()
    lead.run(job, "retry", since)
    assert latest() == ("failed", 2, None)
    (place.archives / "BL").unlink()
    clock.move(timedelta(minutes=5))
    [(job, since)] = Lead(bare_app, place).list_due()
    lead.run(job, "retry", since)
    assert latest() == ("done", 3, 3)
    assert lead.list_due() == []


def test_an_error_that_is_no_sentence_of_ours_is_kept_by_its_kind(
    bare_app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_place: Place, _now: datetime) -> int:
        raise KeyError("张小红 13800000000")

    monkeypatch.setitem(JOBS, "audit_books", breaks)
    with pytest.raises(KeyError):
        run_job("audit_books", place)
    assert watch.list_latest(db.session())["audit_books"].words == PROGRAM_FAILED


def test_a_job_that_runs_is_not_begun_beside_itself(
    bare_app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave, times = threading.Event(), threading.Event(), []

    def lasts(_place: Place, _now: datetime) -> int:
        times.append(1)
        entered.set()
        leave.wait(20)
        return 0

    monkeypatch.setitem(JOBS, "audit_books", lasts)
    lead = Lead(bare_app, place)
    thread = threading.Thread(target=lead.run, args=["audit_books"])
    thread.start()
    assert entered.wait(20)
    lead.run("audit_books", "retry")
    leave.set()
    thread.join()
    assert len(times) == 1
    assert watch.page_runs(db.session()).total == 1


def test_managers_and_administrators_are_told_once_for_each_reason(town: Branch, place: Place) -> None:
    def told() -> list[tuple[int, str]]:
        db.session.rollback()
        found = db.session.query(Notice).filter(Notice.kind == "archive.unclosed").order_by(Notice.id)
        return [(one.member_id, one.facts["why"]) for one in found]

    with transaction() as session:
        tamper(session, "UPDATE account SET posted_in = posted_in + 1 WHERE code LIKE 'member:%'")
    for hours in range(3):
        assert close_months(place, NOVEMBER + hours * HOUR) == 0
    first = told()
    assert len(first) == 2
    assert all("2026-08 还不能结账：账本自检没有通过：账户余额等于逐笔重算" in why for _, why in first)
    with transaction() as session:
        tamper(session, "UPDATE account SET posted_in = posted_in - 1 WHERE code LIKE 'member:%'")
    (place.archives / "BL").write_text("not a folder")
    for _ in range(2):
        with pytest.raises(BranchesFailed):
            close_months(place, NOVEMBER + 5 * HOUR)
    assert len(told()) == 4
    assert "归档文件夹写不进去" in told()[-1][1]


# --- when ------------------------------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def test_what_was_missed_is_done_at_the_start_and_says_since_when_it_is_due() -> None:
    ran = {
        "audit_books": at("2026-08-10 03:15"),
        "remind_due": at("2026-11-27 07:30"),
        "expire_coins": at("2026-11-27 02:30"),
    }
    now = at("2026-11-27 09:00")
    missed = list_missed(ran, now=now)
    assert missed["audit_books"] == at("2026-08-11 03:15")
    assert not {"remind_due", "expire_coins"} & set(missed)
    assert "reconcile_pairs" not in missed  # never ran: it waits for its hour
    assert {"close_months", "expire_orders", "settle_lines", "join_branches"} <= set(missed)
    assert all(since <= now for since in missed.values())


@pytest.mark.parametrize(
    ("job", "last", "now", "due"),
    [
        ("audit_books", "2026-11-27 03:15", "2026-11-27 09:00", "2026-11-28 03:15"),
        ("audit_books", None, "2026-11-27 02:00", "2026-11-27 03:15"),
        ("close_months", "2026-11-30 23:05", "2026-12-01 00:10", "2026-12-01 00:30"),
        ("close_months", "2026-12-01 00:30", "2026-12-01 00:31", "2026-12-01 01:05"),
        ("expire_orders", "2026-11-27 09:00", "2026-11-27 09:02", "2026-11-27 09:05"),
        ("expire_orders", "2026-11-20 09:00", "2026-11-27 09:02", "2026-11-27 09:07"),
    ],
)
def test_when_a_job_is_due_next(job: str, last: str | None, now: str, due: str) -> None:
    assert next_due(job, last=at(last) if last else None, now=at(now)) == at(due)


def test_when_a_job_runs_in_words() -> None:
    assert words_of("close_months") == "每月 1 日 0:30，每小时第 5 分"
    assert words_of("remind_due") == "工作日 7:30"


def test_the_schedule_names_known_jobs_only_and_makes_up_for_what_is_missed_however_late(
    bare_app: Flask, place: Place
) -> None:
    lead = Lead(bare_app, place)
    scheduler = build(lead, FileLeadership(Path("/nowhere")))
    assert {job.args[0] for job in scheduler.get_jobs() if job.args} == set(JOBS)
    month_end = scheduler.get_job("month_end")
    assert str(month_end.trigger) == "cron[day='1', hour='0', minute='30']"
    assert str(month_end.trigger.timezone) == "Asia/Shanghai"
    make_up(scheduler, lead)
    assert scheduler.get_job("start_close_months").args == (
        "close_months",
        "start",
        pytest.approx(clock.now(), abs=HOUR),
    )
