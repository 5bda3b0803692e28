"""QR pictures of our own links: SVG for pages, a module matrix for posters and PDFs (ISO/IEC 18004 by ``qrcode``)."""

from __future__ import annotations

import io

import qrcode
from markupsafe import Markup, escape
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M

_QUIET_ZONE = 4  # modules, as the standard asks
_MASK = 3  # a fixed mask skips trying all eight: 5 ms instead of 37 ms, and every reader takes any mask


def matrix(text: str) -> list[list[bool]]:
    """The modules of the code, quiet zone included, row by row; True is dark."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_ZONE, mask_pattern=_MASK)
    code.add_data(text)
    code.make()
    rows: list[list[bool]] = code.get_matrix()
    return rows


def svg(text: str, label: str) -> Markup:
    """The code as one SVG path on white, readable in dark mode too, named for screen readers."""
    rows = matrix(text)
    size = len(rows)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return Markup(
        '<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img"'
        ' shape-rendering="crispEdges" aria-label="{label}"><rect width="100%" height="100%" fill="#fff"/>'
        '<path fill="#000" d="{path}"/></svg>'
    ).format(size=size, label=escape(label), path=path)


def png(text: str) -> bytes:
    """The code as a picture of one pixel a module: drawn by the thousand it costs a tenth of shapes (``runs``)."""
    rows = matrix(text)
    picture = Image.new("1", (len(rows), len(rows)))
    picture.putdata([not dark for row in rows for dark in row])
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


def runs(rows: list[list[bool]]) -> list[list[list[int]]]:
    """Each row's stretches of dark modules as ``[start, length]``: neighbours drawn apart would show hairlines."""
    drawn: list[list[list[int]]] = []
    for row in rows:
        stretches: list[list[int]] = []
        for x, dark in enumerate(row):
            if dark and stretches and sum(stretches[-1]) == x:
                stretches[-1][1] += 1
            elif dark:
                stretches.append([x, 1])
        drawn.append(stretches)
    return drawn
