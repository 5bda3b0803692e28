"""What goes into the package, in the order in which it can be made; then all of it in one bag."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from timebank.archives import rules
from timebank.archives.package.bag import write_bag
from timebank.archives.package.books import write_books
from timebank.archives.package.checks import PROPERTIES, broken, failed, found_checks
from timebank.archives.package.manifest import write_manifest
from timebank.archives.package.paper import Paper
from timebank.archives.package.schemas import checks_schema, manifest_schema, statement_schema, table_schema
from timebank.archives.package.sources import Packing, Sources
from timebank.archives.package.statements import write_statements
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.ledger.queries import PeriodView

STEPS: Final = (*(table.title for table in rules.TABLES), "打印", "打包")


class PackageMismatchError(RuntimeError):
    """What was about to be packed does not agree with the seal: somebody changed a closed month behind the triggers."""


def write_package(
    session: Session, branch: Branch, period: PeriodView, *, edition: rules.Edition, target: Path, packing: Packing
) -> None:
    """Write the whole package of a closed month to ``target``; parts lie in a folder beside it meanwhile.

    Raises PackageMismatchError when the rows read do not hash to the seal or a control total does not agree.
    """
    with tempfile.TemporaryDirectory(prefix="parts-", dir=target.parent) as parts:
        folder = Path(parts)
        sources = Sources(
            session=session, branch=branch, period=period, edition=edition, folder=folder, packing=packing
        )
        manifest = _write_payload(sources)
        packing.progress("打包", 0)
        write_bag(
            target,
            rules.package_name(branch.code, period.month, sources.seal_hash, edition.version),
            [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()],
            info=rules.bag_info(manifest),
            stamp=clock.local(sources.closed_at).replace(tzinfo=None),
        )


def _write_payload(sources: Sources) -> dict[str, Any]:
    paper = Paper(sources)
    books = write_books(sources, {"members": paper.read_member, "activities": paper.read_activity})
    paper.end_members()
    listed, told = write_statements(sources)
    checks = found_checks(sources, books, sorted(paper.lost))
    if wrong := failed(checks):
        raise PackageMismatchError(", ".join(wrong))
    _write_json(sources.folder / "checks.json", checks)
    _write_schemas(sources.folder)
    sources.packing.progress("打印", 0)
    paper.print_summary(books, checks, told)
    manifest = write_manifest(sources, books, listed)
    if wrong := broken(sources.folder, manifest):
        raise PackageMismatchError(", ".join(wrong))
    return manifest


def _write_schemas(folder: Path) -> None:
    known = {table.name: table_schema(table) for table in rules.TABLES} | {
        "manifest": manifest_schema(),
        "checks": checks_schema(PROPERTIES),
        "clearing": statement_schema(),
    }
    (folder / "schema").mkdir(exist_ok=True)
    for name, schema in known.items():
        _write_json(folder / rules.schema_file(name), schema)


def _write_json(target: Path, content: Mapping[str, Any]) -> None:
    target.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")
