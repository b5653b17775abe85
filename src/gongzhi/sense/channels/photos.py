"""Photos: what is accepted, and the clean copies that are kept.

A photo tells where and when it was taken, sometimes by whom. Only re-encoded copies without EXIF are ever shown.
"""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import pi_heif
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from gongzhi.ground.refusals import Refusal

MOST_PHOTOS: Final = 4
LARGEST_FILE: Final = 12 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000
FORMATS: Final = ("JPEG", "PNG", "WEBP", "HEIF")
# MPO is a JPEG with a second picture behind it, which many telephones write.
_SUFFIX: Final = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic"}
LARGE, SMALL = 1600, 360

pi_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def _open(file: Any) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(file, formats=FORMATS)


def accept_photo(upload: Any) -> tuple[bytes, str]:
    """The bytes of an uploaded photo and the suffix of its true format, after a look at its head only.

    Refusal (422) for an empty or huge file, anything that is not one of FORMATS whatever its name says, and for more
    than MOST_PIXELS pixels (a small file can unfold to gigabytes).
    """
    if upload.size == 0:
        raise Refusal(_("This photo is empty. Please take or choose it again."), field="photos", status=422)
    if upload.size > LARGEST_FILE:
        raise Refusal(
            _("This photo is larger than %(megabytes)d MB.") % {"megabytes": LARGEST_FILE // 1024 // 1024},
            field="photos",
            status=422,
        )
    content = upload.read()
    try:
        with _open(io.BytesIO(content)) as image:
            kind, pixels = image.format or "", image.width * image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal(_("This picture has too many pixels."), field="photos", status=422) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise Refusal(
            _("This file is not a photo we can read. JPEG, PNG, WebP and HEIC work."), field="photos", status=422
        ) from None
    if pixels > MOST_PIXELS:
        raise Refusal(_("This picture has too many pixels."), field="photos", status=422)
    return content, _SUFFIX[kind]


def clean_copies(content: bytes) -> tuple[ContentFile[bytes], ContentFile[bytes], int, int]:
    """Two WebP copies (large, small) turned upright and without metadata, and the large one's width and height.

    Raises OSError when the file turns out to be broken behind its head.
    """
    try:
        with _open(io.BytesIO(content)) as image:
            image.draft("RGB", (LARGE * 2, LARGE * 2))  # lets the JPEG decoder skip what is thrown away anyway
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise OSError("broken image") from error
    upright.thumbnail((LARGE, LARGE))
    large = _webp(upright)
    small = upright.copy()
    small.thumbnail((SMALL, SMALL))
    return ContentFile(large), ContentFile(_webp(small)), upright.width, upright.height


def _webp(image: Image.Image) -> bytes:
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    out = io.BytesIO()
    bare.save(out, "WEBP", quality=80, method=4)
    return out.getvalue()
