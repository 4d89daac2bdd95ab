"""Labels of flows, read from CSV files and joined by five-tuple and time."""

from netml.errors import LabelFileError
from netml.labels.matching import binary_labels, join_labels
from netml.labels.reader import Labels, read_labels

__all__ = ["LabelFileError", "Labels", "binary_labels", "join_labels", "read_labels"]
