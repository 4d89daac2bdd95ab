"""Rows of a table by options: fitted to the table itself, as `netml.extract` does."""

from netml.features.compute import compute
from netml.features.fitting import fit


def represent(table, options):
    """The feature matrix of a table of flows."""
    return compute(table, fit([table], options))
