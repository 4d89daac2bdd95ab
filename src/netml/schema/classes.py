"""The two classes of flows, and the numbers that stand for them."""

from __future__ import annotations

NORMAL, ABNORMAL, UNLABELLED = 0, 1, -1  # labels
INLIER, OUTLIER = 1, -1  # predictions, as those of scikit-learn's outlier detectors
