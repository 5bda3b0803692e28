"""``flask archive``: close a month by hand, list the packages, verify package files."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from timebank.archives import closing, queries, signatures
from timebank.archives.package import STEPS
from timebank.archives.queries import STATE_NAMES
from timebank.archives.reading import Report, check_chain, read_package
from timebank.archives.service import NotReady
from timebank.branches.queries import get_branch_by_code, list_branches
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db
from timebank.core.errors import Refusal
from timebank.retention import rechecking
from timebank.retention.models import CHECK_NAMES, SOUND
from timebank.web.keyring import keys

archive_cli = AppGroup("archive", help="月度归档：结账、列出归档包、核对归档包。")
_ROWS_SHOWN = 10


@archive_cli.command("close")
@click.option("--branch", "code", required=True, metavar="CODE", help="网点代码，见 flask branches list。")
@click.option("--month", required=True, metavar="YYYY-MM", help="要结的月份，例如 2026-10。")
def close(code: str, month: str) -> None:
    """结账：检查、封签、打包。重复运行不会重复结账。"""
    folder = Path(current_app.config["TIMEBANK_DATA"]) / "archives"
    try:
        branch = get_branch_by_code(db.session(), code)
        with click.progressbar(length=len(STEPS) + 1, label=f"{branch.code} {month} 结账") as bar:
            done: list[str] = []

            def progress(title: str, rows: int) -> None:
                bar.label = f"{title} {rows} 行" if rows else title
                if title not in done:
                    done.append(title)
                    bar.update(1)

            archive = closing.run(
                closing.Close(
                    branch_id=branch.id,
                    month=month,
                    actor=SYSTEM,
                    keys=keys(),
                    folder=folder,
                    clock=clock.now,
                    progress=progress,
                    site=current_app.config["TIMEBANK_URL"],
                )
            )
            bar.label = "完成"
            bar.update(len(STEPS) + 1 - len(done))
    except NotReady as refusal:
        _explain(refusal)
        raise click.ClickException(refusal.message) from refusal
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"已结账：{folder / archive.file_name}（{archive.file_size:,} 字节）")
    click.echo(f"封签 {archive.seal_hash}")


def _explain(refusal: NotReady) -> None:
    for finding in refusal.findings:
        click.echo(f"✗ {finding.fault}。{finding.todo}", err=True)
        for row in finding.rows[:_ROWS_SHOWN]:
            click.echo(f"    {row}", err=True)
        if finding.count > _ROWS_SHOWN:
            click.echo(f"    ……共 {finding.count} 处", err=True)


@archive_cli.command("verify")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--key",
    "given",
    multiple=True,
    metavar="PUBKEY",
    help="已知的公钥：从 /verify/keys 下载的文件，或者 64 位十六进制。可以给几个。不给就用本银行自己的。",
)
def verify(files: tuple[Path, ...], given: tuple[str, ...]) -> None:
    """核对归档包文件本身，不用数据库：签名、校验值、文件清单、每张表的合计；几个文件一起给时，还核对月份是否接得上。

    有损坏时逐条列出，退出码为 1。
    """
    known = _known_keys(given) if given else [signatures.public_key(keys())]
    click.echo(f"已知公钥的指纹：{'；'.join(signatures.grouped(signatures.fingerprint(key)) for key in known)}")
    reports = [read_package(file, keys=known) for file in files]
    check_chain(reports)
    for file, report in zip(files, reports, strict=True):
        click.echo(f"{'✓' if report.sound else '✗'} {file}{_about(report)}")
        for damage in report.damages:
            click.echo(f"    {damage}")
            click.echo(f"        {damage.meaning}")
        if report.further:
            click.echo(f"    ……还有 {report.further} 处")
    damaged = sum(not report.sound for report in reports)
    click.echo(f"{len(files)} 个归档包，{damaged} 个有损坏。" if damaged else f"{len(files)} 个归档包都完好。")
    if damaged:
        raise SystemExit(1)


@archive_cli.command("recheck")
@click.option("--branch", "code", metavar="CODE", help="只复查一个网点。")
@click.option("--at-most", default=10_000, show_default=True, metavar="N", help="最多复查几个包，很久没查的先查。")
def recheck(code: str | None, at_most: int) -> None:
    """复查存好的归档包：文件在不在、和登记的校验值一不一样、包里有没有损坏、和账本的封签接不接得上。结果记在“复查”页。"""
    try:
        branch_id = get_branch_by_code(db.session(), code).id if code else None
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    done = rechecking.run(
        rechecking.Recheck(
            folder=Path(current_app.config["TIMEBANK_DATA"]) / "archives",
            now=clock.now(),
            branch_id=branch_id,
            at_most=at_most,
            progress=lambda name, result: click.echo(f"{'✓' if result == SOUND else '✗'} {name} {CHECK_NAMES[result]}"),
        )
    )
    click.echo(f"复查 {done.read} 个归档包，{done.bad} 处有问题。" if done.bad else f"{done.read} 个归档包都完好。")
    if done.bad:
        raise SystemExit(1)


def _known_keys(given: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for one in given:
        path = Path(one)
        content = path.read_bytes() if path.is_file() else one.encode()
        if not (read := [key for key in signatures.read_keys(content) if signatures.fingerprint(key)]):
            raise click.BadParameter(f"{one} 里没有公钥。", param_hint="--key")
        found += read
    return found


def _about(report: Report) -> str:
    about = report.about
    if about is None:
        return ""
    return f"　{about.branch_name}（{about.branch_code}）{about.month} 第 {about.version} 版，封签 {about.seal[:8]}"


@archive_cli.command("key")
def show_key() -> None:
    """写出签归档包的公钥（PEM）和指纹，交给要核对的人。"""
    key = signatures.public_key(keys())
    click.echo(signatures.as_pem(key), nl=False)
    click.echo(f"# 指纹 {signatures.grouped(signatures.fingerprint(key))}")


@archive_cli.command("list")
@click.option("--branch", "code", metavar="CODE", help="只列一个网点。")
def list_packages(code: str | None) -> None:
    """列出各网点各月：网点、月份、状态、归档包。"""
    session = db.session()
    try:
        branches = [get_branch_by_code(session, code)] if code else list_branches(session, closed=True)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    for branch in branches:
        for month in reversed(queries.list_months(session, branch.id, now=clock.now())):
            package = month.archive.file_name if month.archive else "-"
            click.echo(f"{branch.code}\t{month.month}\t{STATE_NAMES[month.state]}\t{package}")
