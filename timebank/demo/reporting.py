"""After the months were filed: the inspector draws a sample, last year's habit of figures, a batch to the ministry, and
the packages are read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from timebank.archives.models import Archive
from timebank.archives.queries import list_archives
from timebank.core.clock import month_range, today
from timebank.demo.calendar import closed_months, waking
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.ledger.queries import find_period
from timebank.reports import queries as reports
from timebank.reports import service as reporting
from timebank.reports.models import FINE, REMARK
from timebank.reports.queries import Line
from timebank.reports.rules import Answer
from timebank.retention import service as retention
from timebank.retention.rechecking import read_package
from timebank.web.downloads import workbook

MANAGER: Final = "贺雅芬"
CHIEF: Final = "沃静波"
INSPECTOR: Final = "邬建明"
_FINDINGS: Final = ((FINE, ""), (REMARK, "签退比结束早了半小时，请组织者说明。"))


def report(story: Story) -> None:
    """Note the sample, the figures, the batch, a hold, and last night's reading of the packages."""
    months = closed_months(story.now)
    checked = waking(month_range(months[-1])[1] + timedelta(days=3))
    story.note(min(checked, story.now), _draw, months[-1])
    story.note(min(checked + timedelta(days=1), story.now), _count)
    story.note(min(checked + timedelta(days=2), story.now), _send)
    story.note(story.now - timedelta(minutes=20), _read)


def _draw(story: Story, month: str, at: datetime) -> None:
    session, inspector = story.session, story.actor(INSPECTOR)
    draft = reporting.SampleDraft(branch_id=story.branch_ids[DAQI], month=month, wanted=3, form_key="demo-sample")
    sample = reporting.draw_sample(session, draft, actor=inspector, now=at)
    picks = reports.list_picked(session, sample)
    for picked, (result, words) in zip(picks, _FINDINGS, strict=False):
        finding = reporting.FindingDraft(
            sample_id=sample.id,
            activity_id=picked.activity.id,
            result=result,
            words=words,
            form_key=f"demo-finding-{picked.place}",
        )
        reporting.record_finding(session, finding, actor=inspector, now=at + timedelta(hours=picked.place))
        if result == REMARK:
            retention.place_hold(
                session, picked.activity.id, reason="抽查有意见，等组织者说明", actor=inspector, now=at
            )


def _count(story: Story, at: datetime) -> None:
    draft = reporting.YearDraft(
        branch_id=story.branch_ids[DAQI], year=today(at).year, words="", form_key="demo-figures"
    )
    made = reporting.prepare_year(story.session, draft, actor=story.actor(MANAGER), now=at)
    reporting.publish_year(story.session, made.id, actor=story.actor(CHIEF), now=at + timedelta(hours=3))


def _send(story: Story, at: datetime) -> None:
    """The first people went, most were accepted, one was sent back."""
    session, manager = story.session, story.actor(MANAGER)
    draft = reporting.BatchDraft(branch_id=story.branch_ids[DAQI], reason="每月例行上报", form_key="demo-batch")
    batch = reporting.make_batch(session, draft, actor=manager, keys=story.keys, now=at)
    reporting.hand_out(session, batch.id, _file, actor=manager, keys=story.keys, now=at)
    reporting.submit_batch(session, batch.id, actor=manager, now=at + timedelta(hours=1))
    numbers = list(reports.list_answers(session, batch.id))
    answers = [Answer(number, accepted=True, words="") for number in numbers[1:]]
    answers.append(Answer(numbers[0], accepted=False, words="没有证件号"))
    reporting.answer_records(session, batch.id, answers, actor=manager, now=at + timedelta(hours=5))


def _file(lines: Sequence[Line]) -> bytes:
    return workbook([("", [], [line.cells for line in lines])])


def _read(story: Story, at: datetime) -> None:
    for branch_id in story.branch_ids.values():
        for archive in list_archives(story.session, branch_id):
            _read_one(story, archive, at)


def _read_one(story: Story, archive: Archive, at: datetime) -> None:
    period = find_period(story.session, archive.branch_id, archive.month)
    reading = read_package(story.folder / archive.file_name, archive, period)
    retention.keep_reading(story.session, archive, reading, now=at)
