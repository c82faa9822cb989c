"""The site's code: the sources in `templates/static`, joined into a few files.

A request costs a browser more than a few kilobytes do, so there are only three scripts: `atlas.js`
makes the object that all others add to, `data/site.js` gives it the facts that they read when they
run, and `figures.js` is everything else. What most readers do not need at once, in `later/`, is a
script and a style sheet more, loaded when they are first used. They are the sources without
comments and white space; a web server compresses them on the way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import rjsmin

from pipeline.figures import Figure

LOADED = ("atlas.js", "data/site.js", "figures.js")  # in this order

FIRST = "lib/atlas.js"
# The classes that figures extend, and the picker, which runs at once and uses all before it.
LAST = ("lib/figure.js", "lib/cells.js", "lib/picker.js")

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AROUND = re.compile(r"\s*([{};,])\s*")


def code(static: Path, shown: Sequence[Figure]) -> dict[str, str]:
    """Join the sources.

    Parameters
    ----------
    static
        Folder of the sources.
    shown
        The figures of the site; the code of others is left out.

    Returns
    -------
    dict
        Path in the site → its contents.
    """
    library = [f"lib/{path.name}" for path in sorted((static / "lib").glob("*.js"))]
    middle = [name for name in library if name not in (FIRST, *LAST)]

    def all_of(pattern: str) -> list[str]:
        return [path.relative_to(static).as_posix() for path in sorted(static.glob(pattern))]

    sources = {
        "atlas.css": all_of("css/*.css"),
        "atlas.js": [FIRST],
        "figures.js": [*middle, *LAST, *(f"figures/{figure.NAME}.js" for figure in shown)],
        "later.css": all_of("later/*.css"),
        "later.js": all_of("later/*.js"),
    }
    joined = {
        path: "\n".join((static / source).read_text(encoding="utf-8") for source in names)
        for path, names in sources.items()
    }
    return {
        path: compact_styles(text) if path.endswith(".css") else rjsmin.jsmin(text)
        for path, text in joined.items()
    }


def compact_styles(text: str) -> str:
    """Leave out comments, and white space where it has no meaning: around `{ } ; ,`.

    The libraries for this do not know nested rules, in which a space before a colon has a meaning.
    No text in the style sheets holds such a character; a test checks it.
    """
    return _AROUND.sub(r"\1", _COMMENT.sub("", text)).strip()
