"""The families of features: names, widths and columns.

A new family is a room under `_core/features`, its lines in `_core/features/registry.pxd`, a module here, and a line in
`builtin.FAMILIES`. Custom families (`custom.py`) are functions of the flow table.
"""

from netml.families.builtin import FAMILIES, HEADER_CODE
from netml.families.cic import REPEATED_COLUMN
from netml.families.options import DEFAULT_FAMILY_OPTIONS, FamilyOptions
from netml.families.selection import (
    Block,
    Request,
    depends_on_dim,
    find_dim,
    find_family,
    lay_out,
    measure_width,
    parse_families,
    require_together,
)
from netml.families.spec import FLAG_COLUMNS, NO_CODE, Family

__all__ = [
    "DEFAULT_FAMILY_OPTIONS",
    "FAMILIES",
    "FLAG_COLUMNS",
    "HEADER_CODE",
    "NO_CODE",
    "REPEATED_COLUMN",
    "Block",
    "Family",
    "FamilyOptions",
    "Request",
    "depends_on_dim",
    "find_dim",
    "find_family",
    "lay_out",
    "measure_width",
    "parse_families",
    "require_together",
]
