"""Detectors that stand on PyOD's: the adapter, and ECOD and COPOD against PyOD's own."""

import importlib
import pkgutil

import numpy as np
import pyod.models
import pytest
from _detectors import HERE, make_detector, make_rows
from pyod.models.copod import COPOD as PyodCOPOD
from pyod.models.ecod import ECOD as PyodECOD
from pyod.models.lof import LOF

from netml import ndm
from netml.errors import OptionError
from netml.ndm.pyod_detector import PyODDetector
from netml.ndm.tails import COPOD, ECOD

# Modules of PyOD that are not in the registry under their names, and why: docs/detectors.md has them, too.
NOT_HERE = {
    **dict.fromkeys(("gmm", "iforest", "kde", "ocsvm", "pca"), "netml's own"),
    **dict.fromkeys(("alad", "mo_gaal", "so_gaal", "so_gaal_new"), "an obvious outlier does not stand out"),
    **dict.fromkeys(("xgbod", "devnet"), "needs labels"),
    **dict.fromkeys(("embedding", "audio_ae"), "for texts, images, sounds"),
    **dict.fromkeys(("base", "base_dl", "combination", "gaal_base", "sklearn_base", "thresholds"), "no detector"),
    "ae1svm": "raises a ValueError when it is trained",
    "mad": "takes one column only",
    "qmcd": "turned round by the skewness of its own scores: upside down after clean training rows",
    "suod": "runs other detectors; a row's score depends on the batch",
}
OTHER_KINDS = ("ts_", "pyg_", "_")  # time series, graphs, helpers


def test_every_module_of_pyod_is_here_or_has_its_reason():
    modules = {module.name for module in pkgutil.iter_modules(pyod.models.__path__)}
    modules = {name for name in modules if not name.startswith(OTHER_KINDS)}
    # PyOD's newer and older versions may have more or fewer; those of the registry must be there.
    assert set(ndm.PYOD_DETECTORS) <= modules
    assert modules - set(ndm.DETECTORS) - set(NOT_HERE) == set()


@pytest.mark.parametrize("name", [name for name in HERE if ndm.DETECTORS[name].is_pyod])
def test_the_class_of_the_registry_is_there(name):
    assert hasattr(importlib.import_module(f"pyod.models.{name}"), ndm.DETECTORS[name].attribute)
    assert "contamination" in ndm.parameters_of(name)


def test_scores_and_threshold_are_those_of_pyod():
    rows, new = make_rows(), make_rows(9, seed=2)
    theirs = LOF(n_neighbors=7, contamination=0.2).fit(rows)
    ours = ndm.make_detector("lof", {"n_neighbors": 7}, contamination=0.2).fit(rows)
    np.testing.assert_array_equal(ours.decision_function(new), theirs.decision_function(new))
    # Of the scores of the fit, in which a row is not its own neighbour.
    assert ours.threshold_ == pytest.approx(np.quantile(theirs.decision_scores_, 0.8))


def test_parameters():
    detector = ndm.make_detector("lof", {"n_neighbors": 7}, random_state=3, contamination=0.2)
    assert detector.get_params() == {
        "name": "lof", "params": {"n_neighbors": 7}, "contamination": 0.2, "random_state": 3
    }  # fmt: skip
    assert ndm.parameters_of("lof")["n_neighbors"] == 20
    assert detector.fit(make_rows()).model_.n_neighbors == 7


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ndm.make_detector("lof", {"k": 3}), r"param=\{'k': 3\}: must be one of n_neighbors, algorithm"),
        (lambda: PyODDetector("lof", {"k": 3}).fit(make_rows()), "of the parameters of lof: n_neighbors"),
        (lambda: PyODDetector("nope").fit(make_rows()), "name='nope': must be one of abod"),
        (lambda: ndm.make_detector("cof", {"n_neighbors": "x"}), r"param=\{'n_neighbors': 'x'\}: must be a set of par"),
        (lambda: PyODDetector("lof", random_state=-1).fit(make_rows()), "random_state=-1: must be a whole number"),
    ],
)
def test_wrong_parameters(make, text):
    with pytest.raises(OptionError, match=text):
        make()


def test_random_state_reaches_pyod():
    scores = [
        make_detector("inne", random_state=seed).fit(make_rows()).decision_function(make_rows()) for seed in (1, 2)
    ]
    assert not np.array_equal(*scores)


def test_rows_judged_among_the_training_rows():
    """Blocks of a tenth of the training rows, each beside all of them."""
    detector = make_detector("cof").fit(make_rows(30))
    new = make_rows(7, seed=1)
    np.testing.assert_array_equal(
        detector.decision_function(new),
        np.concatenate([detector.decision_function(new[start : start + 3]) for start in (0, 3, 6)]),
    )
    assert not hasattr(detector, "model_")  # its own scores of new rows would be of these alone
    np.testing.assert_array_equal(detector.rows_, make_rows(30))


def test_scores_upside_down_are_put_right():
    from pyod.models.rgraph import RGraph

    detector = make_detector("rgraph")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lambda *words, **more: None)
        theirs = RGraph().fit(make_rows(20)).decision_scores_
    assert detector.fit(make_rows(20)).threshold_ == pytest.approx(np.quantile(-theirs, 0.9))


@pytest.mark.parametrize(("own", "theirs"), [(ECOD, PyodECOD), (COPOD, PyodCOPOD)])
def test_tails_as_pyod_has_them(own, theirs):
    """Of the training rows, and of new rows that PyOD scores one at a time."""
    random = np.random.default_rng(0)
    rows = np.round(np.column_stack([random.gamma(1, 2, 200), -random.gamma(1, 2, 200), random.normal(0, 3, 200)]), 1)
    new = rows[:40] + np.round(random.normal(0, 0.5, (40, 3)), 1)
    ours, other = own().fit(rows), theirs().fit(rows)
    np.testing.assert_allclose(ours._training_scores(rows), other.decision_scores_, rtol=1e-12)
    one_by_one = [other.decision_function(row[None])[0] for row in new]
    np.testing.assert_allclose(ours.decision_function(new), one_by_one, rtol=1e-12)


def test_tails_of_columns_that_are_constant():
    """Where PyOD has no numbers any more: padding is 0 in all rows."""
    detector = ECOD().fit([[1.0, 0], [2, 0], [4, 0]])
    scores = detector.decision_function([[2, 0], [2, 1]])
    assert np.isfinite(scores).all()
    assert scores[1] - scores[0] == pytest.approx(np.log(4))
