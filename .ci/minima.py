"""Print the declared minima of pyproject.toml as constraints of pip: `numpy>=2.0` becomes `numpy==2.0`.

Usage: python .ci/minima.py pyproject.toml parquet plot ... >constraints.txt

The named extras are pinned with the package's own dependencies.
"""

import re
import sys
import tomllib
from pathlib import Path

MINIMUM = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)>=([0-9][0-9A-Za-z.]*)")


def find_minima(project, extras):
    """Return a constraint for each dependency of the project and of these extras."""
    declared = list(project["dependencies"])
    for extra in extras:
        declared += project["optional-dependencies"][extra]
    found = {each: MINIMUM.fullmatch(each) for each in declared}
    wrong = [each for each, match in found.items() if match is None]
    if wrong:
        raise ValueError(f"not of the form NAME>=VERSION: {', '.join(wrong)}")
    return [f"{match[1]}=={match[2]}" for match in found.values()]


def main(path, *extras):
    """Print the constraints, one a line, or what is wrong with pyproject.toml."""
    project = tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"]
    try:
        print("\n".join(find_minima(project, extras)))
    except ValueError as error:
        sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
