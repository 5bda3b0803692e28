"""Photos of paper: what is taken, what is refused, and that nothing but the picture is kept."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from tests.attendance.paper import a_picture
from timebank.core.errors import Invalid
from timebank.core.photos import LONGEST_SIDE, NoPhoto, PhotoTooBig, PhotoTooSmall, PhotoUnreadable, read_photo


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_where_and_with_what_it_was_taken_is_not_kept() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    exif[0x0112] = 6  # held sideways
    exif.get_ifd(0x8825)[2] = (29.0, 54.0, 3.0)
    sent = a_picture((1200, 900), exif=exif, comment=b"at home")
    assert b"SecretPhone" in sent
    photo = read_photo(sent)
    kept = opened(photo.jpeg)
    assert (kept.format, dict(kept.getexif()), kept.info.get("comment")) == ("JPEG", {}, None)
    assert b"SecretPhone" not in photo.jpeg
    assert (photo.width, photo.height) == kept.size == (900, 1200)  # turned upright
    assert len(photo.digest) == 64


def test_a_large_photo_is_made_small_enough_to_keep_and_to_read() -> None:
    photo = read_photo(a_picture((6000, 4500)))
    assert max(photo.width, photo.height) <= LONGEST_SIDE
    assert min(photo.width, photo.height) >= 1200


def test_a_transparent_png_lies_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (500, 500), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(read_photo(out.getvalue()).jpeg).getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA"])
def test_other_kinds_of_pixels_are_read(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (500, 600)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    assert opened(read_photo(out.getvalue()).jpeg).mode == "RGB"


def png_claiming(width: int, height: int) -> bytes:
    """Some hundred bytes that say they are a picture of that size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


REFUSED: dict[str, tuple[bytes, type[Invalid]]] = {
    "nothing": (b"", NoPhoto),
    "text": (b"hello" * 100, PhotoUnreadable),
    "half a photo": (a_picture()[:3000], PhotoUnreadable),
    "a page": (b"<html><script>alert(1)</script></html>", PhotoUnreadable),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', PhotoUnreadable),
    "an animation": (a_picture(kind="GIF"), PhotoUnreadable),
    "a scan": (a_picture(kind="TIFF"), PhotoUnreadable),
    "a bomb": (png_claiming(50_000, 50_000), PhotoTooBig),
    "a wide bomb": (png_claiming(2_000_000, 60), PhotoTooBig),
    "a nearly bomb": (png_claiming(9_000, 9_000), PhotoTooBig),
    "a lie": (png_claiming(3_000, 3_000), PhotoUnreadable),
    "too many bytes": (a_picture() + b"\0" * 12 * 1024 * 1024, PhotoTooBig),
    "a stamp": (a_picture((300, 1200)), PhotoTooSmall),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_photo_of_a_page_is_refused(what: str) -> None:
    content, kind = REFUSED[what]
    with pytest.raises(kind) as refused:
        read_photo(content)
    assert refused.value.fields == {"photo": kind.text}
