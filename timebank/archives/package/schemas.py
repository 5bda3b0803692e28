"""JSON Schemas (draft 2020-12) of every JSON file in a package, so that machines can read it without us. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from timebank.archives.rules import FORMAT, Column, Table

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_MONTH: Final = {"type": "string", "pattern": "^2[0-9]{3}-(0[1-9]|1[0-2])$"}
_CLOCK: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?[+-][0-9]{2}:[0-9]{2}$"
_INSTANT: Final = {"type": "string", "format": "date-time", "pattern": _CLOCK}
_SUMS: Final = {"type": "object", "additionalProperties": {"type": "integer"}}


def table_schema(table: Table) -> dict[str, Any]:
    """What the JSON file of a table holds: rows with these columns and no others."""
    row = _closed({column.name: _column(column) for column in table.columns})
    return _schema(table.name, table.title, {"type": "array", "items": row})


def _column(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string" if str in column.types else "integer", "title": column.title}
    if column.optional:
        found["type"] = [found["type"], "null"]
    if column.kind == "instant":
        found |= {"format": "date-time", "pattern": _CLOCK}
    if column.kind == "day":
        found["format"] = "date"
    return found


def manifest_schema() -> dict[str, Any]:
    """What ``manifest.json`` holds."""
    return _schema("manifest", "归档包清单", _closed({
        "format": {"const": FORMAT},
        "branch": _closed({"code": _TEXT, "name": _TEXT}),
        "month": _MONTH,
        "zone": _TEXT,
        "version": {"type": "integer", "minimum": 1},
        "corrects": _or_null(_closed({"file": _TEXT, "sha256": _HASH})),
        "corrected_because": _or_null(_TEXT),
        "previous": _or_null(_closed({"month": _MONTH, "seal": _HASH})),
        "closed": _closed({"at": _INSTANT, "by": _TEXT}),
        "program": _closed({"name": _TEXT, "version": _TEXT}),
        "units": {"type": "object", "additionalProperties": _TEXT},
        "notes": _list_of(_TEXT),
        "tables": _list_of(_closed({
            "name": _TEXT, "title": _TEXT, "files": _list_of(_TEXT), "schema": _TEXT, "totals": _SUMS,
            "columns": _list_of(_closed({
                "name": _TEXT, "title": _TEXT, "kind": _TEXT, "in_sheet": {"type": "boolean"},
                "optional": {"type": "boolean"},
            })),
        })),
        "pair_statements": _list_of(_closed({
            "peer": _TEXT, "month": _MONTH, "file": _TEXT, "hash": _HASH, "previous_hash": _or_null(_HASH),
        })),
        "seal": _closed({
            "algorithm": _TEXT, "hash": _HASH, "previous_hash": _or_null(_HASH),
            "signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"}, "public_key": _HASH,
            "entries": _COUNT, "transfers": _COUNT, "totals": _SUMS,
        }),
        "signature": _closed({"algorithm": _TEXT, "file": _TEXT, "public_key": _HASH, "fingerprint": _HASH}),
        "files": _list_of(_closed({"path": _TEXT, "bytes": _COUNT, "sha256": _HASH})),
    }))  # fmt: skip


def statement_schema() -> dict[str, Any]:
    """What a statement with another branch holds, told as from the branch with the smaller number.

    Open: where a month was sealed although the books differ, both versions and the signatures stand beside.
    """
    version = {
        "opening": {"type": "integer"},
        "closing": {"type": "integer"},
        "lines": _list_of({
            "type": "array", "prefixItems": [_TEXT, _INSTANT, {"enum": [0, 1]}, {"type": "integer"}],
            "items": {"type": "integer"}, "minItems": 4, "maxItems": 6,
        }),
    }  # fmt: skip
    named = {"high": _TEXT, "low": _TEXT, "month": _MONTH, "unit": {"const": "coin"}}
    content = {
        "type": "object",
        "properties": named
        | version
        | {side: {"type": "object", "properties": version} for side in ("by_low", "by_high")},
        "required": list(named),
        "anyOf": [{"required": list(version)}, {"required": ["by_low", "by_high"]}],
    }
    return _schema("clearing", "网点对账单", content)


def checks_schema(properties: Iterable[str]) -> dict[str, Any]:
    """What ``checks.json`` holds: under each property its checks with their results."""
    check = _closed({
        "check": _TEXT, "title": _TEXT, "passed": {"type": "boolean"}, "detail": _TEXT,
        "result": {"enum": ["passed", "warning", "failed"]},
    })  # fmt: skip
    return _schema("checks", "四性检测", _closed({name: _list_of(check) for name in properties}))


def _schema(name: str, title: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"$schema": _DRAFT, "$id": f"urn:timebank:{FORMAT}:{name}", "title": title, **content}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


def _or_null(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(content), {"type": "null"}]}
