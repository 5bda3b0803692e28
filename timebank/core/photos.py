"""Photos that people send: opened with doubt, turned upright, made small, written anew with the picture alone."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps

from timebank.core.errors import Invalid

MOST_BYTES: Final = 12 * 1024 * 1024
MOST_PIXELS: Final = 52_000_000  # the largest that phones make as a rule; a bomb unpacks to more
LONGEST_SIDE: Final = 2200  # handwriting on A4 stays readable
_LEAST_SIDE: Final = 400
_QUALITY = 78
_one_at_a_time = threading.Lock()  # a large picture takes two hundred megabytes while it is open


class NoPhoto(Invalid):
    """The form was sent without a file."""

    code = "core.no_photo"
    text = "请先选择照片，或者用手机拍一张。"


class PhotoTooBig(Invalid):
    """More bytes or more pixels than a photo needs."""

    code = "core.photo_too_big"
    text = "照片太大了（最多 12 MB、5200 万像素）。请把相机调到普通画质，再拍一张。"


class PhotoUnreadable(Invalid):
    """Not a JPEG or PNG picture, or a damaged one."""

    code = "core.photo_unreadable"
    text = "这个文件打不开，或者不是照片。请用 JPEG 或 PNG 照片；苹果手机请在“设置 → 相机 → 格式”里选“兼容性最佳”再拍。"


class PhotoTooSmall(Invalid):
    """Too few pixels to see anything on it."""

    code = "core.photo_too_small"
    text = "照片太小，看不清。请近一点、亮一点，再拍一张。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """A picture as it will be kept: JPEG without where, when and with what it was taken."""

    jpeg: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        """SHA-256 of the picture, hex."""
        return hashlib.sha256(self.jpeg).hexdigest()


def read_photo(content: bytes, *, longest: int = LONGEST_SIDE) -> Photo:
    """Make a photo of what was sent, no side longer than ``longest`` pixels.

    Raises NoPhoto, PhotoTooBig, PhotoUnreadable, PhotoTooSmall, tied to ``photo``.
    """
    if not content:
        raise _refused(NoPhoto)
    if len(content) > MOST_BYTES:
        raise _refused(PhotoTooBig)
    with _one_at_a_time:
        try:
            return _read(content, longest)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _refused(PhotoTooBig) from None
        except (OSError, SyntaxError, ValueError, EOFError, TypeError, ArithmeticError):  # Pillow's words for damage
            raise _refused(PhotoUnreadable) from None


def _read(content: bytes, longest: int) -> Photo:
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as sent:
        if sent.width * sent.height > MOST_PIXELS:
            raise _refused(PhotoTooBig)
        if min(sent.size) < _LEAST_SIDE:
            raise _refused(PhotoTooSmall)
        sent.draft("RGB", (longest, longest))  # a JPEG is unpacked no larger than needed
        turned = ImageOps.exif_transpose(sent)
        picture = _on_white(turned)
    picture.thumbnail((longest, longest))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Photo(jpeg=out.getvalue(), width=picture.width, height=picture.height)


def _on_white(sent: Image.Image) -> Image.Image:
    """A fresh picture of the pixels alone; what was transparent is white."""
    clear = sent.convert("RGBA") if "transparency" in sent.info or sent.mode in {"RGBA", "LA", "PA"} else None
    page = Image.new("RGB", sent.size, "white")
    page.paste(clear or sent.convert("RGB"), mask=clear)
    return page


def _refused(kind: type[Invalid]) -> Invalid:
    return kind(fields={"photo": kind.text})
