"""Rows for detectors: three clusters of flows, as different applications make, and what is far from all of them."""

import numpy as np

from netml import ndm

N_ROWS, N_COLUMNS = 36, 5
HERE = [name for name, entry in ndm.DETECTORS.items() if not entry.extra or ndm.is_installed(entry.extra)]
# With so few rows they cannot work as they are by default.
PARAMS = {
    "sod": {"n_neighbors": 10, "ref_set": 5},
    "kpca": {"n_components": 4},  # all components reproduce the training rows exactly
    "hdbscan": {"min_cluster_size": 5},
    "anogan": {"epochs": 5, "epochs_query": 5},
    "lunar": {"n_epochs": 5},
    "lscp": {"local_region_size": 10},
}


def make_rows(n_rows=N_ROWS, seed=0):
    random = np.random.default_rng(seed)
    centres = np.array([[0.0, 0, 0, 0, 0], [3, 1, 0, -2, 2], [-2, 3, 2, 1, -1]])
    return centres[random.choice(3, n_rows, p=[0.6, 0.25, 0.15])] + 0.3 * random.standard_normal((n_rows, N_COLUMNS))


def make_detector(name, **more):
    return ndm.make_detector(name, PARAMS.get(name), **more)
