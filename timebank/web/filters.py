"""How amounts and instants look on every page: the one place for it."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask

from timebank.core import clock, codes, masking, minutes, workdays


def day(value: date | datetime) -> str:
    """``2026-11-21 周六``."""
    on = clock.local(value).date() if isinstance(value, datetime) else value
    return f"{on.isoformat()} 周{clock.WEEKDAYS[on.weekday()]}"


def clocktime(value: datetime) -> str:
    """``09:00``."""
    return clock.local(value).strftime("%H:%M")


def moment(value: datetime) -> str:
    """``2026-11-21 周六 09:00``."""
    return f"{day(value)} {clocktime(value)}"


def span(start: datetime, end: datetime) -> str:
    """``2026-11-21 周六 09:00–11:00``, with the second day where it differs."""
    same_day = clock.local(start).date() == clock.local(end).date()
    return f"{moment(start)}–{clocktime(end) if same_day else moment(end)}"


def elapsed(milliseconds: int) -> str:
    """``1234`` → ``1.2 秒``."""
    return (
        f"{milliseconds / 1000:.1f} 秒"
        if milliseconds < 60_000
        else f"{milliseconds // 60_000} 分 {milliseconds // 1000 % 60} 秒"
    )


FILTERS = {
    "elapsed": elapsed,
    "coins": minutes.coins,
    "hours": minutes.hours,
    "points": minutes.points,
    "day": day,
    "clocktime": clocktime,
    "moment": moment,
    "month_name": clock.month_name,
    "mask_name": masking.mask_name,
    "mask_phone": masking.mask_phone,
    "mask_id_number": masking.mask_id_number,
    "grouped": codes.grouped,
}


def deadline(ended_at: datetime) -> workdays.Deadline:
    """How long a service that ended then may still wait for its record, as of now."""
    return workdays.deadline(ended_at, clock.now())


def init_app(app: Flask) -> None:
    """Give the templates their filters, ``span`` and ``deadline``."""
    app.jinja_env.filters |= FILTERS
    app.jinja_env.globals["span"] = span
    app.jinja_env.globals["deadline"] = deadline
