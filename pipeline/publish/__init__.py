"""Publishing a site: looked over first, then one commit on a branch that GitHub Pages serves.

    folder → inspection (sizes, files, links, a browser) → report
           → repository (remote, branch, who changed it last) → commit → push → address

`inspection` knows folders and no git, `repository` knows git and no sites. What a host allows is in
`limits`; where the site will appear is in `address`; `workflow` writes the file with which a
repository builds and publishes its atlas by itself.
"""

from __future__ import annotations

from pipeline.publish.inspection import Inspection, inspect
from pipeline.publish.publishing import Outcome, Target, look_over, publish

__all__ = ["Inspection", "Outcome", "Target", "inspect", "look_over", "publish"]
