"""Models that the original netml 0.7.1 trains and pickles: run this in an environment of its own that has it.

    python tests/golden/make_original_models.py

It was run with scikit-learn 1.5.2, PyOD 2.0.7 and numpy 2.0.2. `original_scores.npz` has the matrices and what each
model's decision_function gives for the rows to test.
"""

import pickle
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MODELS = {"ocsvm": "OCSVM", "gmm": "GMM", "kde": "KDE", "iforest": "IF", "pca": "PCA"}
PARAMETERS = {"iforest": {"n_estimators": 3, "max_samples": 8, "verbose": 0}}  # so that the file stays small


def matrices():
    """Give 40 rows to train on, and 12 to test: half of them far away."""
    generator = np.random.default_rng(20)
    test = generator.normal(size=(12, 5))
    test[6:] *= 4
    return generator.normal(size=(40, 5)), test


def main():
    """Train each model of the original on the same rows, and keep it as the original's command does."""
    from importlib import import_module

    train, test = matrices()
    scores = {}
    for module, name in MODELS.items():
        model = getattr(import_module(f"netml.ndm.{module}"), name)(**PARAMETERS.get(module, {}))
        model.name = name
        model.fit(train)
        scores[module] = np.asarray(model.decision_function(test))
        with open(HERE / f"original_{module}.dat", "wb") as stream:
            pickle.dump((model, {"score": 0.5}), stream)
    np.savez_compressed(HERE / "original_scores.npz", train=train, test=test, **scores)


if __name__ == "__main__":
    main()
