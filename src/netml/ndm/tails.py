"""`ECOD` and `COPOD`: how far out in the tails of each column's distribution a row lies; n log n in the rows."""

from __future__ import annotations

from netml.ndm._estimator import Detector
from netml.ndm._plain_tails import PlainCOPOD, PlainECOD


class ECOD(PlainECOD, Detector):
    """Empirical cumulative distributions (Li et al., arXiv 2201.00382): the largest tail of each column.

    Parameters, attributes: see `PlainTails`.
    """


class COPOD(PlainCOPOD, Detector):
    """Empirical copula (Li et al., arXiv 2009.09463): the long tail of each column, or the mean of both.

    Parameters, attributes: see `PlainTails`.
    """
