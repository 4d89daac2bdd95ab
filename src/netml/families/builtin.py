"""netml's own families: an explicit table, in the order of the kernel's registry."""

from __future__ import annotations

from netml.families.cic import CIC_FAMILIES
from netml.families.flow import FLOW
from netml.families.nprint import NPRINT
from netml.families.original import ORIGINAL_FAMILIES
from netml.families.spec import Family
from netml.families.splt import SPLT
from netml.families.tcp import TCP

HEADER_CODE = 0

# In the order of FamilyCode in _core/features/registry.pxd.
FAMILIES: dict[str, Family] = {
    **ORIGINAL_FAMILIES,
    "FLOW": FLOW,
    "SPLT": SPLT,
    **CIC_FAMILIES,
    "TCP": TCP,
    "NPRINT": NPRINT,
}
# Family -> families whose column names it would repeat.
AMBIGUOUS = {"IAT_SIZE": {"IAT", "SIZE"}, "CIC-2017": {"CIC"}}
