"""What all figures share: size, colours, and the way to SVG text that is the same each time."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#1c2126"
SOFT: Final = "#566069"
LINE: Final = "#d9dee3"
PNG_DPI: Final = 150
# Okabe and Ito's colours, which stay apart for every kind of colour blindness; with markers and dashes they stay apart in grey too.
COLOURS: Final = ("#0067a8", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a00")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
Dash = str | tuple[int, tuple[float, ...]]
DASHES: Final[tuple[Dash, ...]] = ("-", "--", ":", "-.", (0, (8, 2)), (0, (1, 3)), (0, (4, 1, 1, 1, 1, 1)), (0, (2, 4)))


def colour(index: int) -> str:
    """Colour of the index-th policy."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Marker of the index-th policy; where colours come round again, other markers stand with them."""
    return MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]


def dash(index: int) -> Dash:
    """Line style of the index-th policy; where colours come round again, other dashes stand with them."""
    return DASHES[(index + index // len(COLOURS)) % len(DASHES)]


def figure(width: float = 7.2, height: float = 3.6, *, fitted: bool = False) -> Figure:
    """An empty figure, inches; ``fitted``: margins as wide as the labels take, which is slow."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), facecolor="none", layout="constrained" if fitted else None)
    if not fitted:
        made.subplots_adjust(left=0.75 / width, right=1 - 0.15 / width, bottom=0.5 / height, top=1 - 0.15 / height)
    FigureCanvasSVG(made)
    return made


def tidy(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Quiet frame and labelled axes."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.set_xlabel(xlabel, color=INK, fontsize=9.5, parse_math=False)
    axes.set_ylabel(ylabel, color=INK, fontsize=9.5, parse_math=False)


class Drawing(str):
    """SVG text that can be written as PNG too."""

    _figure: Figure

    def __new__(cls, text: str, drawn: Figure) -> Drawing:
        """Args: the text, and what it was made from."""
        made = super().__new__(cls, text)
        made._figure = drawn
        return made

    def write_png(self, path: Path) -> None:
        """The same figure in pixels, on white: for those who can place no SVG."""
        self._figure.savefig(path, format="png", metadata={"Software": None}, facecolor="white", dpi=PNG_DPI)


def svg(drawn: Figure, title: str) -> Drawing:
    """The figure as an SVG element with ``title`` for those who cannot see it; as wide as its place."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title, "font.family": ["DejaVu Sans", "sans-serif"]}):
        drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path.group()), text)  # a hundredth of a point is enough, in half of the bytes
    # Identifiers are local to a file, but several figures stand in one page.
    prefix = f"f{abs(hash_of(title)):x}-"
    text = re.sub(r'(id="|xlink:href="#|url\(#)', rf"\g<1>{prefix}", text)
    text = re.sub(
        r'<svg ([^>]*?)width="[\d.]+pt"',
        r'<svg role="img" style="max-width:100%;height:auto" \1width="100%"',
        re.sub(r' height="[\d.]+pt"', "", text, count=1),
        count=1,
    )
    return Drawing(text, drawn)


def hash_of(text: str) -> int:
    """A short number for ``text``, the same in every process."""
    import zlib

    return zlib.crc32(text.encode())
