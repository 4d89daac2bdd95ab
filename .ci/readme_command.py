"""Print the command of README.md that stands after a marker, in an indented or a fenced block.

Usage: python .ci/readme_command.py README.md test-command
"""

import re
import sys
from pathlib import Path

FENCED = re.compile(r"\s*(?P<fence>```|~~~)[^\n]*\n(?P<block>.*?)\n\s*(?P=fence)", re.DOTALL)
INDENTED = re.compile(r"\s*?\n*(?P<block>(?:(?: {4}|\t)[^\n]*(?:\n|$))+)")


def find_command(text, marker):
    """Find the block that follows `<!-- marker -->`: its lines without comments; None if there is none."""
    _, found, rest = text.partition(f"<!-- {marker} -->")
    block = found and (FENCED.match(rest) or INDENTED.match(rest))
    if not block:
        return None
    lines = [line.strip().removeprefix("$ ") for line in block["block"].splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#")) or None


def main(path, marker):
    """Print the command, or fail with what README.md must have."""
    command = find_command(Path(path).read_text(encoding="utf-8"), marker)
    if command is None:
        sys.exit(f"{path}: no command block after <!-- {marker} -->; .ci/run runs what the README tells users to run")
    print(command)


if __name__ == "__main__":
    main(*sys.argv[1:])
