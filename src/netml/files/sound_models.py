"""The checks of a loaded model's arrays, which compiled code would follow blindly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netml.files.trusted_types import TREE, TRUSTED_TYPES, name_of

_MAX_THREADS = 1024
_MT19937_WORDS = 624
_MAX_PARTS = 1 << 22  # that a model's containers hold, each as often as it is held
_KERNELS = ("linear", "poly", "rbf", "sigmoid")  # for others libsvm takes the columns for indices


def check_arrays(root: object) -> None:
    """Check that no array in a loaded model leads compiled code out of its memory.

    scikit-learn's trees, neighbour trees and support vector machines follow the indices in their arrays without
    looking, so that made-up ones would read foreign memory at the first score.

    Parameters
    ----------
    root : object
        The loaded object; lists, dicts, object arrays and attributes are searched.

    Raises
    ------
    ValueError
        If an array does not fit, with the type in the message.
    """
    waiting, seen = [root], set()
    _check_size(root)
    while waiting:
        found = waiting.pop()
        if found is None or isinstance(found, str | bytes | int | float) or id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list | tuple | set | frozenset):
            waiting.extend(found)
        elif isinstance(found, np.ndarray):
            waiting.extend(found.ravel().tolist() if found.dtype == object else ())
        else:
            for kind in type(found).__mro__:
                if name_of(kind) in _CHECKS and not _CHECKS[name_of(kind)](found):
                    raise ValueError(f"the arrays of a {name_of(kind)} do not fit together")
            attributes = getattr(found, "__dict__", {})
            _check_size(attributes)
            n_jobs = attributes.get("n_jobs")
            if isinstance(n_jobs, int | np.integer) and n_jobs > _MAX_THREADS:
                raise ValueError(f"{n_jobs} threads")
            waiting.extend(attributes.values())


def _check_size(container: object) -> None:
    """Check that containers end: numpy goes through lists in lists as often as they are held."""
    waiting, n_parts = [container], 0
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict | list | tuple):
            n_parts += len(found) + 1
            if n_parts > _MAX_PARTS:
                raise ValueError("containers in containers without end")
            parts = found.values() if isinstance(found, dict) else found
            waiting.extend(part for part in parts if isinstance(part, dict | list | tuple))


def has_sound_bits(source: Any) -> bool:
    """Return True if a source of numpy's random numbers reads within its words and has a seed of numpy's."""
    from numpy.random.bit_generator import SeedSequence

    bits: Any = source if isinstance(source, np.random.BitGenerator) else source._bit_generator
    seed, words = bits._seed_seq, bits.state["state"]
    return (seed is None or type(seed) is SeedSequence) and 0 <= words.get("pos", 0) <= _MT19937_WORDS


def _is_within(values: Any, start: int, stop: int) -> bool:
    return len(values) == 0 or bool(values.min() >= start and values.max() < stop)


def _is_sound_tree(tree: Any) -> bool:
    n_nodes = tree.node_count
    if not 0 < n_nodes <= tree.capacity:
        return False
    left, right = tree.children_left, tree.children_right
    inner = np.flatnonzero(left != -1)
    # Children come after their parent, and each has one: no loop, and an end.
    children = np.concatenate([left[inner], right[inner]])
    if not (
        _is_within(children, 1, n_nodes)
        and (left[inner] > inner).all()
        and (right[inner] > inner).all()
        and len(np.unique(children)) == len(children)
        and _is_within(tree.feature[inner], 0, tree.n_features)
    ):
        return False
    level, depth = np.zeros(1, dtype=np.intp), 0
    while len(level := level[left[level] != -1]):
        level, depth = np.concatenate([left[level], right[level]]), depth + 1
    return bool(depth <= tree.max_depth <= n_nodes)  # as many places are made for each row


def _is_sound_forest(forest: Any) -> bool:
    # Of one that is not fitted, here and below, nothing is used.
    width = getattr(forest, "n_features_in_", 0)
    trees, columns = getattr(forest, "estimators_", ()), getattr(forest, "estimators_features_", ())
    # A tree is asked without a look at the columns that are chosen for it.
    return all(
        name_of(type(tree)) == "sklearn.tree._classes.ExtraTreeRegressor"
        and _is_array(chosen, (tree.n_features_in_,), "iu")
        and tree.n_features_in_ <= width
        for tree, chosen in zip(trees, columns, strict=True)
    )


def _is_sound_tree_owner(owner: Any) -> bool:
    return not hasattr(owner, "tree_") or bool(owner.tree_.n_features == owner.n_features_in_)


def _is_sound_neighbour_tree(tree: Any) -> bool:
    state = tree.__getstate__()
    rows, order, nodes, bounds = (np.asarray(part) for part in state[:4])
    n_nodes, weights = state[6], state[12]
    if not 0 < n_nodes == len(nodes) or len(rows) != len(order):
        return False
    n_sides = 2 if "KDTree" in type(tree).__name__ else 1
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    return bool(
        bounds.shape == (n_sides, n_nodes, rows.shape[1])
        and _is_within(order, 0, len(rows))
        and (nodes["idx_start"] >= 0).all()
        and (nodes["idx_start"] <= nodes["idx_end"]).all()
        and (nodes["idx_end"] <= len(rows)).all()
        and _is_within(inner, 0, (n_nodes - 1) // 2)
        and (weights is None or len(weights) == len(rows))
        and name_of(type(state[11])) in TRUSTED_TYPES
    )


def _is_sound_minkowski(metric: Any) -> bool:
    return len(metric.__getstate__()[1]) == 0  # no weights: as many as the columns would have to be there


def _is_sound_clustering(means: Any) -> bool:
    if not hasattr(means, "cluster_centers_"):
        return True
    # As many threads as it says are started; OpenMP ends the program if it has no memory for them.
    return bool(means.cluster_centers_.shape[1] == means.n_features_in_ and 0 < means._n_threads <= _MAX_THREADS)


def _is_array(value: Any, shape: tuple[Any, ...], kinds: str = "f") -> bool:
    return isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in kinds


def _is_sound_svm(machine: Any) -> bool:
    attributes = vars(machine)
    is_kernel = isinstance(machine.kernel, str) and machine.kernel in _KERNELS
    is_dense = attributes.get("_sparse", False) is False and not attributes.keys() & {"_impl", "_sparse_kernels"}
    if not is_kernel or not is_dense:
        return False
    if not hasattr(machine, "support_"):
        return True
    n_vectors, width = len(machine.support_), machine.n_features_in_
    return bool(
        _is_array(machine.support_, (n_vectors,), "i")
        and (machine.support_ >= 0).all()
        and _is_array(machine.support_vectors_, (n_vectors, width))
        and _is_array(machine._n_support, (2,), "i")
        and machine._n_support[0] == n_vectors
        and all(_is_array(each, (1, n_vectors)) for each in (machine.dual_coef_, machine._dual_coef_))
        and all(_is_array(each, (1,)) for each in (machine.intercept_, machine._intercept_))
        and all(each.size == 0 or _is_array(each, (1,)) for each in (machine._probA, machine._probB))
        and width > 0
    )


def _is_sound_neighbours(model: Any) -> bool:
    rows = getattr(model, "_fit_X", None)
    if rows is None:
        return True
    # Rows that are compared with all others have as many columns as they have.
    return bool(
        _is_array(rows, (model.n_samples_fit_, model.n_features_in_))
        and isinstance(model.metric, str)
        and "precomputed" not in (model.metric, model.effective_metric_)
        and (model._tree is None or model._tree.data.shape == rows.shape)
    )


def _is_sound_histogram(model: Any, width: Any = None) -> bool:
    """Return True if compiled code finds every column's bins; histograms with automatic bins are not compiled."""
    if not hasattr(model, "hist_") or isinstance(model.n_bins, str):
        return True
    hist, edges = model.hist_, model.bin_edges_
    return bool(
        _is_array(hist, (model.n_bins, width or np.shape(hist)[1]))
        and _is_array(edges, (model.n_bins + 1, hist.shape[1]))
    )


def _is_sound_discrepancy(model: Any) -> bool:
    rows = getattr(model, "_fitted_data", None)
    if rows is None:
        return True
    is_scaled = name_of(type(model._scaler)) == "sklearn.preprocessing._data.MinMaxScaler"
    return is_scaled and _is_array(rows, (len(rows), model._scaler.n_features_in_))


def _is_sound_pyod_detector(detector: Any) -> bool:
    model = getattr(detector, "model_", None)
    is_histogram = name_of(type(model)) == "pyod.models.hbos.HBOS"
    return not is_histogram or _is_sound_histogram(model, detector.n_features_in_)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    TREE: _is_sound_tree,
    "sklearn.ensemble._iforest.IsolationForest": _is_sound_forest,
    "sklearn.tree._classes.ExtraTreeRegressor": _is_sound_tree_owner,
    "sklearn.cluster._kmeans.KMeans": _is_sound_clustering,
    "sklearn.cluster._kmeans.MiniBatchKMeans": _is_sound_clustering,
    "sklearn.neighbors._kd_tree.KDTree": _is_sound_neighbour_tree,
    "sklearn.neighbors._ball_tree.BallTree": _is_sound_neighbour_tree,
    "sklearn.metrics._dist_metrics.MinkowskiDistance64": _is_sound_minkowski,
    "sklearn.svm._classes.OneClassSVM": _is_sound_svm,
    "sklearn.neighbors._base.NeighborsBase": _is_sound_neighbours,
    "pyod.models.hbos.HBOS": _is_sound_histogram,
    "pyod.models.qmcd.QMCD": _is_sound_discrepancy,
    "netml.ndm.pyod_detector.PyODDetector": _is_sound_pyod_detector,
    "numpy.random.mtrand.RandomState": has_sound_bits,
    "numpy.random._generator.Generator": has_sound_bits,
}
