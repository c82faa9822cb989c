"""Results as a notebook shows them: HTML with pictures inside, or PNG."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 168  # of a picture in HTML, in pixels
FOR, AGAINST = (230, 110, 20), (40, 110, 200)  # colours of contributions by their sign
DIMMED = 0.35  # how much of a photograph's brightness stays where nothing is marked


def png(pixels: np.ndarray) -> bytes:
    """Encode uint8 `[H, W, 3 or 4]` as PNG."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


def over(pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a photograph with a map over it.

    Parameters
    ----------
    pixels
        uint8 `[S, S, 3]`.
    values
        `[H, W]`: where the size is largest, the photograph shows most; its tint is the sign's.
    """
    height, width = pixels.shape[:2]
    largest = float(np.abs(values).max()) or 1.0
    scaled = Image.fromarray((values / largest).astype(np.float32))
    fitted = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR))
    weight = np.abs(fitted)[:, :, None]
    tint = np.where((fitted > 0)[:, :, None], FOR, AGAINST)
    grey = pixels.mean(2, keepdims=True)
    shown = (1 - weight) * DIMMED * grey + weight * (0.55 * pixels + 0.45 * tint)
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


def image(pixels: np.ndarray, caption: str) -> str:
    """Return a picture with a caption as HTML."""
    encoded = base64.b64encode(png(pixels)).decode()
    text = html.escape(caption)
    style = "display:inline-block;margin:0 8px 8px 0;text-align:center;vertical-align:top"
    return (
        f'<figure style="{style}"><img width="{SIDE}" alt="{text}" '
        f'src="data:image/png;base64,{encoded}"><figcaption>{text}</figcaption></figure>'
    )


def bars(rows: Sequence[tuple[str, float]]) -> str:
    """Return named numbers with bars as HTML."""
    largest = max((abs(value) for _, value in rows), default=0.0) or 1.0
    cells = []
    for name, value in rows:
        colour = "rgb({},{},{})".format(*(FOR if value > 0 else AGAINST))
        bar = f"width:{100 * abs(value) / largest:.0f}px;height:10px;background:{colour}"
        cells.append(
            f'<tr><td style="text-align:left">{html.escape(name)}</td><td>{value:+.3f}</td>'
            f'<td style="text-align:left"><div style="{bar}"></div></td></tr>'
        )
    return f"<table>{''.join(cells)}</table>"


def titled(title: str, shown: str) -> str:
    """Return HTML with a line above it."""
    return f"<div><p>{html.escape(title)}</p>{shown}</div>"
