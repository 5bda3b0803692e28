"""``flask certificates``: check certificates against what was signed."""

from __future__ import annotations

import hmac

import click
from flask.cli import AppGroup

from timebank.certificates import queries
from timebank.certificates.models import STATUS_NAMES
from timebank.certificates.rules import CertificateNotFound
from timebank.core import codes
from timebank.core.db import db, snapshot
from timebank.core.minutes import hours
from timebank.web.keyring import keys

certificates_cli = AppGroup("certificates", help="志愿服务证明：核对编号、校验值、签名。")


@certificates_cli.command("verify")
@click.argument("number", required=False)
@click.option("--hash", "printed", metavar="SHA256", help="纸上印的校验值，一起对。")
def verify(number: str | None, printed: str | None) -> None:
    """核对一份证明（写编号），或者全部证明（不写）：内容、校验值、签名。有对不上的，退出码为 1。"""
    if number is None:
        if printed:
            raise click.UsageError("写了 --hash，也要写编号。")
        _verify_all()
        return
    try:
        found = queries.find_shown(db.session(), number, keys())
    except CertificateNotFound as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"编号 {codes.grouped(found.number)} · {STATUS_NAMES[found.status]}")
    click.echo(f"{found.masked_name} · {hours(found.minutes)} · {found.issuer} {found.issued_on} 开具")
    click.echo(f"校验值 {found.hash}")
    right = printed is None or hmac.compare_digest(printed.strip().lower().encode(), found.hash.encode())
    click.echo("✓ 内容和签名对得上" if found.untouched else "✗ 内容和签名对不上，请不要采用")
    if printed is not None:
        click.echo("✓ 纸上的校验值一样" if right else "✗ 纸上的校验值不一样，请不要采用")
    if not (found.untouched and right):
        raise SystemExit(1)


def _verify_all() -> None:
    total, wrong = 0, []
    with snapshot() as session:
        for certificate in queries.stream_certificates(session):
            total += 1
            if not queries.is_untouched(certificate, keys()):
                wrong.append(codes.grouped(certificate.number))
    for one in wrong:
        click.echo(f"✗ {one}：内容和签名对不上")
    click.echo(f"{total} 份证明，{len(wrong)} 份对不上。" if wrong else f"{total} 份证明都对得上。")
    if wrong:
        raise SystemExit(1)
