"""One package held against its own lists, its signature, and the keys that are known."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from timebank.archives import rules, signatures
from timebank.archives.package.bag import DECLARATION, info_text
from timebank.archives.reading.about import About, Report, name_of, read_about
from timebank.archives.reading.bag import BROKEN, Bag, DangerousError, Limits, opened
from timebank.archives.reading.damage import Damage
from timebank.archives.reading.rows import Rows

_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")
_NAMED: Final = re.compile(r".+-(2[0-9]{3}-[01][0-9])-v[0-9]+-[0-9a-f]{8}")
_SIGNED_ELSEWHERE: Final = frozenset({f"data/{rules.MANIFEST_FILE}", f"data/{rules.SIGNATURE_FILE}"})
_TAG_FILES: Final = frozenset({"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"})
_RECOMPUTED: Final = "与签了名的清单不符：改过以后又重算了校验值"


def verify_package(path: Path, *, keys: Collection[str] | None = None) -> list[Damage]:
    """Everything wrong with a package; an empty list means it is sound.

    ``keys``: the public keys that are known, 64 hexadecimal digits each; without them any key may have signed.
    """
    return read_package(path, keys=keys).damages


def read_package(
    path: Path, *, name: str = "", keys: Collection[str] | None = None, limits: Limits | None = None
) -> Report:
    """Look a package through. ``name`` is what its file was called where it came from, if that is not ``path``'s."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    report = Report(name=name or path.name, file_hash=digest, size=path.stat().st_size)
    try:
        with opened(path, limits or Limits()) as bag:
            report.unpacked = sum(entry.file_size for entry in bag.names.values())
            _look_through(bag, report, keys)
    except DangerousError as error:
        report.add(error.damage)
    except BROKEN as broken:
        report.add(Damage("not_a_package", "", str(broken)[:200]))
    return report


def read_json(path: Path, name: str) -> Any:
    """One JSON file of the payload, such as ``members.json``. Raises KeyError when it is not there."""
    with zipfile.ZipFile(path) as bag:
        [root] = {entry.split("/", 1)[0] for entry in bag.namelist()}
        return json.loads(bag.read(f"{root}/data/{name}"))


def _look_through(bag: Bag, report: Report, keys: Collection[str] | None) -> None:
    content = bag.read(f"data/{rules.MANIFEST_FILE}", at_most=bag.limits.manifest)
    manifest = json.loads(content)
    if b"\\u0000" in content or len(manifest.get("files", ())) > bag.limits.entries:
        raise DangerousError(Damage("dangerous", rules.MANIFEST_FILE, "清单写得不正常"))
    json.dumps(manifest, ensure_ascii=False).encode()  # half a character could not be shown to anybody
    about = report.about = read_about(manifest)
    for damage in (
        *_names(bag, report, about),
        *_payload(bag, report, manifest),
        *_lists(bag, report, manifest),
        *_signature(bag, report, content, keys),
        *_seal(manifest, about, keys),
    ):
        report.add(damage)


def _names(bag: Bag, report: Report, about: About) -> Iterator[Damage]:
    """The folder inside and, where nobody renamed it, the file are called by branch, month, version and seal."""
    for found in dict.fromkeys((bag.root, name_of(Path(report.name)))):
        named = _NAMED.fullmatch(found)
        if named is not None and named[1] != about.month:
            yield Damage("swapped_month", found, f"内容是 {about.month} 的")
        elif found != about.file_name and (named is not None or found == bag.root):
            yield Damage("changed_file", found, f"按清单应当叫 {about.file_name}")


def _payload(bag: Bag, report: Report, manifest: dict[str, Any]) -> Iterator[Damage]:
    """Every file is read once: for its digest, and tables for their totals."""
    tables = {f"data/{table['name']}.json": Rows(table) for table in manifest["tables"]}
    for name in bag.names:
        if name.startswith("data/"):
            rows = tables.get(name)
            report.digests[name] = bag.digest(name, rows.see) if rows else bag.digest(name)
    report.files = len(report.digests)
    for name, rows in tables.items():
        rows.end()
        if name not in bag.names or not report.digests[name]:
            continue
        if rows.strange:
            yield Damage("not_as_described", name, f"{rows.strange} 行")
        for total, listed, found in rows.wrong():
            yield Damage("wrong_total", f"{rows.title}：{total}", f"清单写 {listed}，逐行相加是 {found}")


def _lists(bag: Bag, report: Report, manifest: dict[str, Any]) -> Iterator[Damage]:
    """BagIt's lists, which anybody can compute anew; then the signed list, which nobody else can write."""
    tags = {name: bag.digest(name) for name in bag.names if not name.startswith("data/")}
    tag_list = _read_list(bag, "tagmanifest-sha256.txt")
    yield from _compare(tag_list, {name: tags[name] for name in tags if name != "tagmanifest-sha256.txt"})
    yield from _compare(_read_list(bag, "manifest-sha256.txt"), report.digests)
    yield from _tag_files(bag, manifest)
    report.listed = {f"data/{file['path']}": str(file["sha256"]) for file in manifest.get("files", ())}
    if report.listed:
        inside = {name: digest for name, digest in report.digests.items() if name not in _SIGNED_ELSEWHERE}
        named = {damage.about for damage in _compare(_read_list(bag, "manifest-sha256.txt"), report.digests)}
        yield from _compare(
            {name: digest for name, digest in report.listed.items() if name not in named},
            {name: digest for name, digest in inside.items() if name not in named},
            _RECOMPUTED,
        )


def _compare(listed: dict[str, str], inside: dict[str, str], seen: str = "与校验值不符") -> Iterator[Damage]:
    for name in sorted(listed.keys() - inside.keys()):
        yield Damage("missing_file", name, "清单里有，包里没有")
    for name in sorted(inside.keys() - listed.keys()):
        yield Damage("extra_file", name, "不在清单里")
    for name in sorted(listed.keys() & inside.keys()):
        if listed[name] != inside[name]:
            yield Damage("changed_file", name, seen)


def _read_list(bag: Bag, name: str) -> dict[str, str]:
    """A BagIt manifest. Lines of another form are left out, so that what they hide is an extra file."""
    if name not in bag.names:
        return {}
    lines = bag.read(name).decode("utf-8", "replace").splitlines()
    if len(lines) > bag.limits.entries:
        raise DangerousError(Damage("dangerous", name, f"列了 {len(lines):,} 个文件"))
    found = (_LINE.fullmatch(line) for line in lines)
    return {line[2]: line[1] for line in found if line is not None}


def _tag_files(bag: Bag, manifest: dict[str, Any]) -> Iterator[Damage]:
    """What the bag says of itself follows from the signed manifest."""
    expected = {"bagit.txt": {DECLARATION.encode()}}
    if "files" in manifest:
        expected["bag-info.txt"] = _infos(bag, manifest)
        # Anybody can write a list of tag files that names another one; a package of ours has these four.
        for name in sorted(bag.names):
            if not name.startswith("data/") and name not in _TAG_FILES:
                yield Damage("extra_file", name, "不在清单里")
    for name, texts in expected.items():
        if name not in bag.names:
            yield Damage("missing_file", name, "每个归档包都有")
        elif bag.read(name) not in texts:
            yield Damage("changed_file", name, "与清单不符")


def _infos(bag: Bag, manifest: dict[str, Any]) -> set[bytes]:
    """With the size of what was signed, or of what is there: where these differ, the files themselves are named."""
    inside = {name: entry.file_size for name, entry in bag.names.items() if name.startswith("data/")}
    signed = {f"data/{file['path']}": int(file["bytes"]) for file in manifest["files"]}
    signed |= {name: size for name, size in inside.items() if name in _SIGNED_ELSEWHERE}
    info = rules.bag_info(manifest)
    return {info_text(info, total=sum(sizes.values()), files=len(sizes)).encode() for sizes in (signed, inside)}


def _signature(bag: Bag, report: Report, content: bytes, keys: Collection[str] | None) -> Iterator[Damage]:
    about, name = report.about, f"data/{rules.SIGNATURE_FILE}"
    if about is None or not about.key or name not in bag.names:
        yield Damage("unsigned", "", "")
        return
    report.signed = signatures.holds(about.key, bag.read(name), content)
    if not report.signed:
        yield Damage("bad_signature", rules.MANIFEST_FILE, "签名以后改过，或者签名不是它的")
    elif keys is not None:
        report.trusted = about.key in keys
        if not report.trusted:
            yield Damage("wrong_key", "", f"签名公钥的指纹是 {signatures.grouped(about.fingerprint)}")


def _seal(manifest: dict[str, Any], about: About, keys: Collection[str] | None) -> Iterator[Damage]:
    """The seal of the books is signed by itself: a package made anew around another month's seal shows here."""
    seal = manifest["seal"]
    key = str(seal["public_key"])
    if not signatures.holds(key, bytes.fromhex(seal["signature"]), bytes.fromhex(about.seal)):
        yield Damage("bad_signature", "封签", "封签的签名不对")
    elif keys is not None and key not in keys:
        yield Damage("wrong_key", "封签", f"签封签的公钥的指纹是 {signatures.grouped(signatures.fingerprint(key))}")
