"""The door to the press for pages: templates and packages as the running app has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from flask import current_app

from timebank.core.printing import Press

log = structlog.get_logger()


def pdf(template: str, values: Mapping[str, Any]) -> bytes:
    """``templates/print/<template>`` filled with ``values`` (texts, numbers, lists, mappings) as a PDF."""
    return _told(template, values).pdf(template, values)


def png(template: str, values: Mapping[str, Any], *, ppi: int = 144) -> bytes:
    """The same as a picture of its only page, at ``ppi`` pixels an inch."""
    return _told(template, values).png(template, values, ppi=ppi)


def printable(text: str) -> str:
    """``text`` in NFC without control characters; characters that no font has become 〓. Line ends stay."""
    return _press().printable(text)


def _told(template: str, values: Mapping[str, Any]) -> Press:
    """The press. What no font can print is printed as a mark, and said here: by number, which names nobody."""
    press = _press()
    if lost := press.lost(values):
        log.warning("not_printable", template=template, characters=[f"U+{ord(one):04X}" for one in lost])
    return press


def _press() -> Press:
    house = Path(current_app.root_path).parent
    return Press(templates=house / "templates" / "print", packages=Path(current_app.config["NODE_MODULES"]))
