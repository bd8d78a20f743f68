"""Write the table of the server's parameters, as they are declared, into docs/ros.md.

.venv/bin/python tools/readme.py
"""

from __future__ import annotations

from pathlib import Path

from ik_nn_ros.ros.parameters import markdown_table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "ros.md"
BEGIN = "<!-- parameters: .venv/bin/python tools/readme.py -->"
END = "<!-- end of parameters -->"


def with_table(text: str) -> str:
    """The text with a new table between the two lines that mark its place."""
    before, begin, old = text.partition(BEGIN)
    _, end, after = old.partition(END)
    return f"{before}{begin}\n\n{markdown_table()}\n\n{end}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
