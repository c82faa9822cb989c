"""Where a repository's site will appear."""

from __future__ import annotations

import re

_GITHUB = re.compile(
    r"^(?:https?://(?:[^@/]+@)?|ssh://(?:[^@/]+@)?|git://|(?:[^@/]+@)?)github\.com(?::\d+)?[/:]"
    r"(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/?$"
)


def address_of(remote: str, domain: str | None = None) -> str | None:
    """Return the address at which GitHub Pages shows a site.

    Parameters
    ----------
    remote
        The remote's URL, in any form that git accepts.
    domain
        Domain of the site's own, as in its CNAME file.

    Returns
    -------
    str or None
        None for a remote that is not at GitHub, where the host decides.
    """
    if domain:
        return f"https://{domain}/"
    found = _GITHUB.match(remote)
    if not found:
        return None
    owner, name = found["owner"].lower(), found["name"]
    if name.lower() == f"{owner}.github.io":
        return f"https://{owner}.github.io/"
    return f"https://{owner}.github.io/{name}/"
