"""Each kind of damage, done to a real package, is found and named."""

from __future__ import annotations

import json
import random
import shutil
import stat
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives.packages import (
    FORGER,
    OURS,
    Files,
    copied,
    edit_manifest,
    edited,
    files_of,
    flipped,
    offset_in,
    recompute_checksums,
    sign_anew,
)
from timebank.archives import signatures
from timebank.archives.reading import (
    MEANINGS,
    Damage,
    Kind,
    Limits,
    Report,
    check_chain,
    read_package,
    verify_package,
)

Chain = dict[str, Path]


def kinds(damages: list[Damage]) -> set[Kind]:
    return {damage.kind for damage in damages}


def named(damages: list[Damage], kind: Kind) -> list[str]:
    return [damage.about for damage in damages if damage.kind == kind]


def chained(*packages: Path) -> list[Report]:
    reports = [read_package(package, keys=[OURS]) for package in packages]
    check_chain(reports)
    return reports


def test_sound_packages_are_sound_alone_and_together(chain: Chain) -> None:
    reports = chained(*reversed(chain.values()))
    assert [(report.damages, report.signed, report.trusted) for report in reports] == [([], True, True)] * 3
    about = reports[0].about
    assert about is not None
    assert (about.branch_code, about.month, about.version, about.entries) == ("BL", "2026-10", 1, 1)
    assert about.fingerprint == signatures.fingerprint(OURS)


def test_a_flipped_byte(chain: Chain, tmp_path: Path) -> None:
    package = chain["2026-08"]
    damaged = flipped(package, tmp_path / package.name, offset_in(package, "data/entries.csv"))
    assert named(verify_package(damaged), "changed_file") == ["data/entries.csv"]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_whichever_byte_is_flipped_it_is_found_or_nothing_inside_changed(chain: Chain, seed: int) -> None:
    package = chain["2026-08"]
    at = random.Random(seed).randrange(package.stat().st_size)
    damaged = flipped(package, package.parent.parent / "flipped.zip", at)
    if verify_package(damaged, keys=[OURS]) == []:
        assert files_of(damaged) == files_of(package)  # a date of an entry, say, which no list speaks of


def test_a_changed_figure_names_the_file_and_the_total(chain: Chain, tmp_path: Path) -> None:
    damaged = edited(
        chain["2026-08"],
        tmp_path / "x.zip",
        lambda files: files.update({"data/members.json": files["data/members.json"].replace(b"180", b"181")}),
    )
    found = verify_package(damaged)
    assert named(found, "changed_file") == ["data/members.json"]
    assert "会员：期末（分钟）" in named(found, "wrong_total")


@pytest.mark.parametrize("recompute", [False, True])
def test_a_missing_file(chain: Chain, tmp_path: Path, recompute: bool) -> None:
    damaged = edited(
        chain["2026-08"], tmp_path / "x.zip", lambda files: files.pop("data/orders.csv"), recompute=recompute
    )
    found = verify_package(damaged)
    assert named(found, "missing_file") == ["data/orders.csv"]


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", ["data/also.txt", "data/schema/also.json"])
def test_an_extra_file(chain: Chain, tmp_path: Path, name: str, recompute: bool) -> None:
    damaged = edited(
        chain["2026-08"], tmp_path / "x.zip", lambda files: files.update({name: b"?"}), recompute=recompute
    )
    assert named(verify_package(damaged), "extra_file") == [name]


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", ["note.txt", "fetch.txt"])
def test_an_extra_file_beside_the_payload(chain: Chain, tmp_path: Path, name: str, recompute: bool) -> None:
    damaged = edited(
        chain["2026-08"], tmp_path / "x.zip", lambda files: files.update({name: b"?"}), recompute=recompute
    )
    assert named(verify_package(damaged), "extra_file") == [name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"month": "2026-08"', b'"month": "zz"'),
        (b'"month": "2026-08"', b'"month": "2026-13"'),
        (b'"code": "BL"', b'"code": "\\ud800"'),
        (b'"code": "BL"', b'"code": "\\u0000"'),
    ],
)
def test_a_manifest_that_was_made_to_break_its_reader_is_a_damage(
    chain: Chain, tmp_path: Path, old: bytes, new: bytes
) -> None:
    def spoil(files: Files) -> None:
        assert old in files["data/manifest.json"]
        files["data/manifest.json"] = files["data/manifest.json"].replace(old, new)

    spoilt = [edited(chain["2026-08"], tmp_path / f"{at}.zip", spoil) for at in (1, 2)]
    for report in chained(*spoilt):
        assert kinds(report.damages) <= {"not_a_package", "dangerous"}
        assert [str(damage).encode() for damage in report.damages]


def test_damages_without_end_are_counted_and_not_listed(chain: Chain, tmp_path: Path) -> None:
    def add(files: Files) -> None:
        files.update({f"data/more/{at}.txt": b"?" for at in range(300)})

    report = read_package(edited(chain["2026-08"], tmp_path / "x.zip", add))
    assert (len(report.damages), report.further >= 100) == (200, True)


def test_lists_that_name_more_than_a_package_may_hold_are_not_read(chain: Chain, tmp_path: Path) -> None:
    def add(files: Files) -> None:
        lines = "".join(f"{'0' * 64}  data/{at}\n" for at in range(600))
        files["manifest-sha256.txt"] += lines.encode()

    damaged = edited(chain["2026-08"], tmp_path / "x.zip", add)
    [found] = read_package(damaged, limits=Limits(entries=500)).damages
    assert (found.kind, found.about) == ("dangerous", "manifest-sha256.txt")


def test_a_directory_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    long = tmp_path / "long.zip"
    with zipfile.ZipFile(long, "w") as bag:
        for at in range(600):
            bag.writestr(f"x/{at}", b"")
    [found] = read_package(long, limits=Limits(entries=500)).damages
    assert (found.kind, found.seen) == ("dangerous", "里面有 600 个文件")
    content = bytearray(long.read_bytes())
    content[-12:-10] = (3).to_bytes(2, "little")  # the end record says three
    content[-14:-12] = (3).to_bytes(2, "little")
    long.write_bytes(bytes(content))
    assert kinds(read_package(long, limits=Limits(entries=20)).damages) == {"dangerous"}


@pytest.mark.parametrize("comment", [b"", b"x" * 65_530])
def test_a_long_directory_of_the_far_kind_is_refused_before_it_is_read(tmp_path: Path, comment: bytes) -> None:
    entries, directory = 3000, 3000 * 46
    far_end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, directory, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, directory, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 46, 0, len(comment))
    long = tmp_path / "long.zip"
    long.write_bytes(b"\0" * directory + far_end + locator + end + comment)
    [found] = read_package(long, limits=Limits(entries=500)).damages
    assert (found.kind, found.seen) == ("dangerous", "里面有 3,000 个文件")


def test_reading_stops_when_its_time_is_over(chain: Chain) -> None:
    [found] = read_package(chain["2026-08"], limits=Limits(until=0.0)).damages
    assert (found.kind, found.seen[:6]) == ("dangerous", "要看的太多，")


def test_a_package_under_the_name_of_another_month(chain: Chain, tmp_path: Path) -> None:
    renamed = copied(chain["2026-08"], tmp_path / chain["2026-09"].name)
    [found] = verify_package(renamed)
    assert (found.kind, found.seen) == ("swapped_month", "内容是 2026-08 的")
    repacked = edited(chain["2026-08"], tmp_path / "x.zip", lambda files: None, root=chain["2026-09"].stem)
    assert named(verify_package(repacked), "swapped_month") == [chain["2026-09"].stem]


def test_a_file_of_another_month_with_recomputed_checksums(chain: Chain, tmp_path: Path) -> None:
    other = files_of(chain["2026-08"])
    damaged = edited(
        chain["2026-09"],
        tmp_path / "x.zip",
        lambda files: files.update({"data/members.json": other["data/members.json"]}),
        recompute=True,
    )
    assert named(verify_package(damaged), "changed_file") == ["data/members.json"]
    reports = chained(chain["2026-08"], damaged, chain["2026-10"])
    swapped = [damage for damage in reports[1].damages if damage.kind == "swapped_month"]
    assert [(damage.about, damage.seen) for damage in swapped] == [("data/members.json", "是 2026-08 的那一份")]


def test_the_signed_manifest_of_another_month(chain: Chain, tmp_path: Path) -> None:
    other = files_of(chain["2026-08"])

    def swap(files: Files) -> None:
        files.update({f"data/{name}": other[f"data/{name}"] for name in ("manifest.json", "manifest.sig")})

    found = verify_package(edited(chain["2026-09"], tmp_path / "x.zip", swap, recompute=True), keys=[OURS])
    assert named(found, "swapped_month") == [chain["2026-09"].stem]
    assert "data/entries.json" in named(found, "changed_file")


def test_a_missing_month_in_the_chain(chain: Chain) -> None:
    reports = chained(chain["2026-08"], chain["2026-10"])
    assert reports[0].damages == []
    [found] = reports[1].damages
    assert (found.kind, found.about) == ("missing_month", "2026-09")


def test_a_month_of_another_chain(chain: Chain, foreign_chain: Chain) -> None:
    reports = [read_package(path) for path in (chain["2026-08"], foreign_chain["2026-09"])]
    check_chain(reports)
    assert named(reports[1].damages, "broken_chain") == ["2026-09"]


def test_the_wrong_key(foreign_chain: Chain) -> None:
    assert verify_package(foreign_chain["2026-08"]) == []
    found = verify_package(foreign_chain["2026-08"], keys=[OURS])
    assert kinds(found) == {"wrong_key"}
    forger = signatures.fingerprint(signatures.public_key(FORGER))
    assert signatures.grouped(forger) in str(found[0])


def test_a_package_signed_anew_by_somebody_else(chain: Chain, tmp_path: Path) -> None:
    def forge(files: Files) -> None:
        files["data/members.csv"] = files["data/members.csv"].replace(b"180", b"999")
        sign_anew(files)

    forged = edited(chain["2026-08"], tmp_path / "x.zip", forge, recompute=True)
    assert verify_package(forged) == [], "a self-made key is as good as any where none is known"
    assert kinds(verify_package(forged, keys=[OURS])) == {"wrong_key"}


def test_an_edited_total_with_recomputed_checksums(chain: Chain, tmp_path: Path) -> None:
    def raise_total(manifest: dict[str, object]) -> None:
        tables = manifest["tables"]
        assert isinstance(tables, list)
        next(table for table in tables if table["name"] == "members")["totals"]["closing"] += 60

    damaged = edited(
        chain["2026-08"], tmp_path / "x.zip", lambda files: edit_manifest(files, raise_total), recompute=True
    )
    found = verify_package(damaged, keys=[OURS])
    assert kinds(found) == {"bad_signature", "wrong_total"}
    assert named(found, "wrong_total") == ["会员：期末（分钟）"]


def test_an_edited_total_in_every_place_at_once(chain: Chain, tmp_path: Path) -> None:
    """Rows, total, list of files and checksums all agree: only the signature does not."""

    def edit(files: Files) -> None:
        signature = files["data/manifest.sig"]
        files["data/members.json"] = files["data/members.json"].replace(b'"closing":180', b'"closing":240')
        sign_anew(files)
        edit_manifest(
            files, lambda m: next(t for t in m["tables"] if t["name"] == "members")["totals"].update(closing=240)
        )
        edit_manifest(files, lambda m: m["signature"].update(public_key=OURS, fingerprint=signatures.fingerprint(OURS)))
        files["data/manifest.sig"] = signature

    found = verify_package(edited(chain["2026-08"], tmp_path / "x.zip", edit, recompute=True), keys=[OURS])
    assert "bad_signature" in kinds(found)
    assert "wrong_total" not in kinds(found)


def test_a_seal_that_was_replaced(chain: Chain, tmp_path: Path) -> None:
    def edit(files: Files) -> None:
        edit_manifest(files, lambda manifest: manifest["seal"].update(hash="0" * 64))
        sign_anew(files, FORGER)

    found = verify_package(edited(chain["2026-08"], tmp_path / "x.zip", edit, recompute=True))
    assert "封签" in named(found, "bad_signature")


def test_a_package_without_its_signature(chain: Chain, tmp_path: Path) -> None:
    damaged = edited(chain["2026-08"], tmp_path / "x.zip", lambda files: files.pop("data/manifest.sig"), recompute=True)
    assert kinds(verify_package(damaged)) == {"unsigned"}


def test_what_the_bag_says_of_itself_is_held_against_the_manifest(chain: Chain, tmp_path: Path) -> None:
    def edit(files: Files) -> None:
        files["bag-info.txt"] = files["bag-info.txt"].replace(b"BL 2026-08", b"BL 2026-07")
        recompute_checksums(files)

    assert named(verify_package(edited(chain["2026-08"], tmp_path / "x.zip", edit)), "changed_file") == ["bag-info.txt"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"PK\x05\x06" + bytes(18), b"<html>"])
def test_what_is_no_package(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "half.zip").write_bytes(content)
    assert kinds(verify_package(tmp_path / "half.zip")) == {"not_a_package"}


def test_half_a_package(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "half.zip").write_bytes(chain["2026-08"].read_bytes()[:-4000])
    assert kinds(verify_package(tmp_path / "half.zip")) == {"not_a_package"}


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"format": 1, "tables": 3}', b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none(chain: Chain, tmp_path: Path, manifest: bytes) -> None:
    damaged = edited(chain["2026-08"], tmp_path / "x.zip", lambda files: files.update({"data/manifest.json": manifest}))
    assert "not_a_package" in kinds(verify_package(damaged))


def test_rows_of_another_shape(chain: Chain, tmp_path: Path) -> None:
    rows = b'[\n{"number":"1"},\n7,\n{"a":\n]\n'
    damaged = edited(
        chain["2026-08"], tmp_path / "x.zip", lambda files: files.update({"data/members.json": rows}), recompute=True
    )
    assert named(verify_package(damaged), "not_as_described") == ["data/members.json"]


# --- what could do harm is not opened -------------------------------------------------------------------------------


def _hostile(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bag:
        for entry, content in entries:
            bag.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)
    return path


def _link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:/x", "a\\..\\b", "a/\x07b"])
def test_a_path_that_leads_out(tmp_path: Path, name: str) -> None:
    assert kinds(verify_package(_hostile(tmp_path / "x.zip", (name, b"x")))) == {"dangerous"}


def test_a_link_in_place_of_a_file(tmp_path: Path) -> None:
    assert kinds(verify_package(_hostile(tmp_path / "x.zip", (_link("a/data"), b"/etc")))) == {"dangerous"}


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    bomb = _hostile(tmp_path / "x.zip", ("a/data/manifest.json", bytes(50 << 20)))
    assert bomb.stat().st_size < 100_000
    [found] = verify_package(bomb)
    assert (found.kind, found.seen) == ("dangerous", "压缩得不正常，解开会占满机器")


def test_too_many_files_and_too_many_bytes(chain: Chain, tmp_path: Path) -> None:
    package = chain["2026-08"]
    for limits in (Limits(entries=10), Limits(unpacked=10_000)):
        assert kinds(read_package(package, limits=limits).damages) == {"dangerous"}


def test_a_name_that_stands_twice(chain: Chain, tmp_path: Path) -> None:
    damaged = copied(chain["2026-08"], tmp_path / "x.zip")
    with zipfile.ZipFile(damaged, "a") as bag, pytest.warns(UserWarning, match="Duplicate"):
        bag.writestr(f"{chain['2026-08'].stem}/data/members.csv", b"another one for some programs")
    assert kinds(verify_package(damaged)) == {"dangerous"}


def test_a_file_with_a_password(chain: Chain, tmp_path: Path) -> None:
    content = bytearray(chain["2026-08"].read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1  # the flag of the first entry in the directory
    (tmp_path / "x.zip").write_bytes(content)
    assert kinds(verify_package(tmp_path / "x.zip")) == {"dangerous"}


# --- with the tools of others ---------------------------------------------------------------------------------------


def test_the_signature_is_checked_by_anybody_with_the_two_files(chain: Chain) -> None:
    files = files_of(chain["2026-10"])
    key = load_pem_public_key(files["data/public-key.pem"])
    assert isinstance(key, Ed25519PublicKey)
    key.verify(files["data/manifest.sig"], files["data/manifest.json"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine: the test above does the same")
def test_openssl_agrees(chain: Chain, tmp_path: Path) -> None:
    with zipfile.ZipFile(chain["2026-10"]) as bag:
        bag.extractall(tmp_path)
    folder = tmp_path / chain["2026-10"].stem / "data"
    answer = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin", "-in", "manifest.json",
         "-sigfile", "manifest.sig"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Signature Verified Successfully" in answer.stdout


def test_the_manifest_lists_every_file_and_the_month_before(chain: Chain) -> None:
    files = files_of(chain["2026-09"])
    manifest = json.loads(files["data/manifest.json"])
    signed = {f"data/{file['path']}" for file in manifest["files"]} | {"data/manifest.json", "data/manifest.sig"}
    assert signed == {name for name in files if name.startswith("data/")}
    first = json.loads(files_of(chain["2026-08"])["data/manifest.json"])
    assert first["previous"] is None
    assert manifest["previous"] == {"month": "2026-08", "seal": first["seal"]["hash"]}


def test_every_kind_of_damage_has_words() -> None:
    assert all(meaning.title and meaning.text for meaning in MEANINGS.values())
    assert str(Damage("missing_file", "data/a.csv", "包里没有")) == "少了文件：data/a.csv，包里没有"


def test_keys_are_read_from_pem_and_from_hexadecimal_digits() -> None:
    other = signatures.public_key(FORGER)
    pem = f"# 公钥\n{signatures.as_pem(OURS)}\n{signatures.as_pem(other)}".encode()
    assert signatures.read_keys(pem) == [OURS, other]
    assert signatures.read_keys(f"key: {OURS.upper()}\n".encode()) == [OURS]
    assert signatures.read_keys(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----") == []
    assert signatures.fingerprint("zz") == ""
