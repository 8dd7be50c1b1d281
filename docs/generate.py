"""Write docs/parameters.md from the declarations of the installed engine: `python docs/generate.py`."""

from pathlib import Path

from jaxamg._describe import reference_page

Path(__file__).with_name("parameters.md").write_text(reference_page(), encoding="utf-8")
