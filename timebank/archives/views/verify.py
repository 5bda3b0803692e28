"""``/verify``: anybody checks packages without signing in, nothing of them is kept; and our public keys."""

from __future__ import annotations

import re
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from flask import Response, render_template, request
from werkzeug.datastructures import FileStorage

from timebank.archives import queries, signatures
from timebank.archives.reading import Limits, Report, check_chain, read_package
from timebank.archives.schemas import VerifySchema
from timebank.archives.views.base import blueprint
from timebank.core.db import db
from timebank.core.errors import Conflict, Invalid
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import public
from timebank.web.keyring import keys
from timebank.web.limits import VERIFY_LIMIT, limiter

MOST_FILES: Final = 12
MOST_BYTES: Final = 64 << 20
_LIMITS: Final = Limits(entries=500, unpacked=400 << 20, manifest=8 << 20)
_SECONDS: Final = 30  # for all packages of a request; a month with 100,000 transfers takes two
_LONGEST_TYPED: Final = 100
_SEAL: Final = re.compile(r"[0-9a-f]{64}")
_places = threading.BoundedSemaphore(2)  # reading a package keeps a core busy; the others keep serving


class NoPackages(Invalid):
    """The form was sent without a file."""

    code = "archives.no_packages"
    text = "请先选好归档包文件（.zip）。"


class TooManyPackages(Invalid):
    """More files than are looked through at once."""

    code = "archives.too_many_packages"
    text = "一次最多核对 {most} 个归档包，请分几次。"


class Busy(Conflict):
    """Others are checking packages; this one was not looked at."""

    code = "archives.verify_busy"
    text = "现在有人在核对归档包，请过一分钟再试。文件还没有看。"


@blueprint.url_value_preprocessor
def _allow_packages(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Packages are bigger than other uploads. Said before the form is read, which the check of its token does."""
    if endpoint == "archives.verify":
        request.max_content_length = MOST_BYTES
        if request.method == "POST":
            with limiter.limit(VERIFY_LIMIT, scope="verify"):
                pass  # counted before anything is read, whatever comes of it


@blueprint.route("/verify", methods=["GET", "POST"])
@public
def verify() -> tuple[str, int]:
    """Choose packages and see what is wrong with each; with ``?seal=`` what our books say of a printed seal."""
    form = Form(VerifySchema())
    if form.submitted:
        with form.catching():
            return _checked(_sent()), 200
    typed = "".join(tidy_text(request.args.get("seal", "")).split()).lower()[:_LONGEST_TYPED]
    seal = typed if _SEAL.fullmatch(typed) else ""
    page = render_template(
        "archives/verify.html",
        form=form,
        typed=typed,
        seal=seal,
        known=queries.find_known_seal(db.session(), seal) if seal else None,
        most_files=MOST_FILES,
        most_bytes=MOST_BYTES,
    )
    return page, form.status


@blueprint.get("/verify/keys")
@public
def verify_keys() -> str:
    """The public keys that sign seals and packages here, with their fingerprints."""
    return render_template("archives/verify_keys.html", keys=_bank_keys(), grouped=signatures.grouped)


@blueprint.get("/verify/keys.pem")
@public
def verify_keys_file() -> Response:
    """The same keys as a file for ``flask archive verify --key`` and for other programs."""
    blocks = [f"# {signatures.grouped(key.fingerprint)}\n{signatures.as_pem(key.public_key)}" for key in _bank_keys()]
    answer = Response("\n".join(blocks), mimetype="application/x-pem-file")
    answer.headers.set("Content-Disposition", "attachment", filename="timebank-keys.pem")
    return answer


def _bank_keys() -> list[queries.BankKey]:
    return queries.list_bank_keys(db.session(), signatures.public_key(keys()))


def _sent() -> list[FileStorage]:
    sent = [one for one in request.files.getlist("packages") if one.filename]
    if not sent:
        raise NoPackages()
    if len(sent) > MOST_FILES:
        raise TooManyPackages(most=MOST_FILES)
    return sent


def _checked(sent: list[FileStorage]) -> str:
    with _place():
        reports = _read(sent)
    session = db.session()
    results = [(report, queries.standing_of(session, report)) for report in reports]
    return render_template(
        "archives/verified.html",
        results=results,
        damaged=sum(not report.sound for report in reports),
        noted=sum(report.sound and not standing.ok for report, standing in results),
        grouped=signatures.grouped,
    )


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Busy()
    try:
        yield
    finally:
        _places.release()


def _read(sent: list[FileStorage]) -> list[Report]:
    """Look through what was sent; the copies on disk are gone before anybody is answered."""
    known = [key.public_key for key in _bank_keys()]
    reports: list[Report] = []
    left, until = _LIMITS.unpacked, time.monotonic() + _SECONDS
    for one in sent:
        limits = replace(_LIMITS, unpacked=left, until=until)
        with tempfile.TemporaryDirectory(prefix="timebank-verify-") as folder:
            path = Path(folder) / "package.zip"
            one.save(path)
            reports.append(read_package(path, name=_file_name(one.filename or ""), keys=known, limits=limits))
            left -= reports[-1].unpacked
    check_chain(reports)
    return reports


def _file_name(sent: str) -> str:
    name = sent.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if unicodedata.category(c)[0] != "C").strip()[:120] or "归档包"
