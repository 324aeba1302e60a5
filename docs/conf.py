"""How Sphinx builds the site: guides in Markdown, the reference from the package's docstrings."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_tiktok import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "airflow-provider-tiktok"
author = "the airflow-provider-tiktok authors"
copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "myst_parser", "package_tables"]
exclude_patterns = ["_extensions"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # Airflow's are Airflow's
autodoc_typehints = "none"  # the signature of 40 parameters is long enough; `:param` says what each takes
toc_object_entries_show_parents = "hide"

# A reference to a missing object of this package is an error; Airflow's and Python's documentation can't be checked
# when a build has no network.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!airflow_provider_tiktok\b).*|.*\._\w+")]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path: list[str] = []
html_copy_source = False
html_show_copyright = False
