"""The contract that every detector of the registry keeps."""

import functools
import importlib.util
import random
from typing import get_args

import _detectors
import numpy as np
import pytest
from _detectors import HERE, make_detector, make_rows
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from netml import ndm
from netml.errors import MissingExtraError, OptionError, TrainingError, UnknownNameError
from netml.ndm import _base, ae, kde
from netml.ndm._mixture import CovarianceType
from netml.ndm.ae import AE
from netml.ndm.gmm import GMM
from netml.ndm.kde import KDE
from netml.ndm.ocsvm import OCSVM
from netml.ndm.pca import PCA
from netml.ndm.scaling import make_scaler

QUICK = [name for name, entry in ndm.DETECTORS.items() if not entry.is_pyod]
FAR = 40.0
# They cannot tell what lies beyond everything seen from what lies at its edge: (detector, why).
NO_FARTHER = {
    "hdbscan": "a far row gets the score of the training rows nearest to it",
    "rgraph": "rows are represented by others whatever their length",
    "loci": "among few rows, those at the edge of a cluster deviate as much",
    "loda": "beyond the histograms all values are equally rare",
}


@functools.cache
def fitted(name):
    return make_detector(name).fit(make_rows())


@functools.cache
def new_rows():
    """Rows like those of the training, and one far from them, the last."""
    return np.vstack([make_rows(5, seed=1), np.full(_detectors.N_COLUMNS, FAR)])


@functools.cache
def scored(name):
    return fitted(name).decision_function(new_rows())


@pytest.mark.parametrize("name", HERE)
def test_scores_and_verdicts(name, capfd):
    scores = scored(name)
    assert scores.shape == (6,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    verdicts = fitted(name).predict(new_rows())
    assert verdicts.dtype == np.int64
    np.testing.assert_array_equal(verdicts, np.where(scores > fitted(name).threshold_, -1, 1))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", HERE)
def test_higher_is_more_abnormal(name):
    scores = scored(name)
    if name not in NO_FARTHER:
        assert (scores[-1] > scores[:-1]).all()
        assert fitted(name).predict(new_rows())[-1] == -1


@pytest.mark.parametrize("name", NO_FARTHER)
def test_higher_is_more_abnormal_among_the_training_rows(name):
    far = np.random.default_rng(3)
    rows = np.vstack([make_rows(20), far.uniform(-6, 6, (4, _detectors.N_COLUMNS))])
    scores = make_detector(name).fit(rows).decision_function(rows)
    assert np.mean(scores[-4:, None] > scores[:-4]) > 0.7


@pytest.mark.parametrize("name", HERE)
def test_same_seed_same_scores(name):
    random.seed(1)
    np.random.seed(1)
    again = make_detector(name).fit(make_rows())
    np.testing.assert_array_equal(again.decision_function(new_rows()), scored(name))
    assert again.threshold_ == fitted(name).threshold_
    # Everybody's generators are left as they were.
    assert random.random() == random.Random(1).random()
    assert np.random.rand() == np.random.RandomState(1).rand()


@pytest.mark.parametrize("name", HERE)
def test_parameters_as_scikit_learn_has_them(name):
    detector = make_detector(name, contamination=0.25)
    copy = clone(detector)
    assert copy.get_params() == detector.get_params()
    assert copy.set_params(contamination=0.2) is copy
    assert (copy.contamination, detector.contamination) == (0.2, 0.25)


@pytest.mark.parametrize("name", HERE)
def test_rows_all_equal(name):
    """They are learned, or refused in one line."""
    rows = np.full((3 if name == "sos" else 30, 3), 2.5)  # it takes 5,000 steps for each row
    try:
        detector = make_detector(name).fit(rows)
    except TrainingError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert np.isfinite(detector.threshold_)
    scores = detector.decision_function(np.vstack([rows[:1], [[9, -9, 0]]]))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", QUICK)
def test_threshold_is_a_quantile_of_the_training_scores(name):
    detector = ndm.make_detector(name, contamination=0.2).fit(make_rows(50))
    if name in ("ecod", "copod"):  # a training row is not ranked once more
        scores = detector._training_scores(make_rows(50))
    else:
        scores = detector.decision_function(make_rows(50))
    assert detector.threshold_ == pytest.approx(np.quantile(scores, 0.8), rel=1e-9)
    assert np.mean(scores > detector.threshold_) == 0.2


@pytest.mark.parametrize("name", QUICK)
def test_contamination_none_at_all(name):
    detector = ndm.make_detector(name, contamination=0).fit(make_rows())
    if name not in ("ecod", "copod"):
        assert (detector.predict(make_rows()) == 1).all()


@pytest.mark.parametrize("name", QUICK)
def test_a_rows_score_does_not_depend_on_its_company(name):
    rows = make_rows(7, seed=3)
    one_by_one = [fitted(name).decision_function(row[None])[0] for row in rows]
    np.testing.assert_allclose(fitted(name).decision_function(rows), one_by_one, rtol=1e-9)


class FirstColumn(_base.Detector):
    """A row's score is its first value."""

    def __init__(self, contamination=0.5):
        self.contamination = contamination

    def _fit(self, rows):
        pass

    def _score(self, rows):
        return rows[:, 0] * np.where(abs(rows[:, 0]) > 1e300, np.inf, 1)


def test_a_score_at_the_threshold_is_normal():
    detector = FirstColumn().fit([[0.0], [1], [2]])
    assert detector.predict([[0.0], [1], [2], [1]]).tolist() == [1, 1, -1, 1]


class Drawn(_base.Detector):
    """Scores from the generator that all code shares, as some libraries draw them."""

    def __init__(self, contamination=0.1, random_state=None):
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, rows):
        self.directions_ = np.random.standard_normal(rows.shape[1])

    def _score(self, rows):
        return rows @ self.directions_ + np.random.rand()


@pytest.mark.parametrize("n_selected", [None, 3])
def test_columns_that_say_nothing_do_not_drown_the_others(n_selected):
    """A constant column, and one that is another's double: components without variance."""
    rows = np.random.default_rng(1).normal(size=(200, 4))
    rows[0] = 9
    poor = np.column_stack([rows, np.full(200, 7.0), rows[:, 0] * 2])
    scores = PCA(n_selected_components=n_selected).fit(poor).decision_function(poor)
    assert (scores < 1e6).all()
    assert scores.argmax() == 0
    assert PCA().fit(poor).predict(poor).tolist().count(-1) == 20


def test_seed_reaches_generators_that_all_code_shares():
    one, same, other, none = (
        Drawn(random_state=seed).fit(make_rows()).decision_function(new_rows()) for seed in (1, np.int64(1), 2, None)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(none, Drawn().fit(make_rows()).decision_function(new_rows()))


@pytest.mark.parametrize("name", HERE)
def test_no_rows_to_score(name):
    assert fitted(name).decision_function(np.empty((0, _detectors.N_COLUMNS))).shape == (0,)
    assert fitted(name).predict(np.empty((0, _detectors.N_COLUMNS))).shape == (0,)


def test_far_beyond_all_numbers():
    """What a library gives as NaN or infinite is as abnormal as can be."""
    detector = KDE(kernel="tophat").fit(make_rows())
    assert detector.decision_function(new_rows())[-1] == np.finfo(float).max
    assert detector.predict(new_rows())[-1] == -1
    np.testing.assert_array_equal(_base.finite([np.nan, np.inf, -np.inf, 1]), [*[_base.LARGEST] * 2, -_base.LARGEST, 1])


def test_threshold_between_the_largest_numbers():
    assert FirstColumn().fit([[-1e308], [1e308]]).threshold_ == 0


@pytest.mark.parametrize("name", [*QUICK, "lof", "sos"])
def test_another_width(name):
    for action in (fitted(name).decision_function, fitted(name).predict):
        with pytest.raises(OptionError, match=r"X=\(36, 4\): must be 5 columns, as in training"):
            action(make_rows()[:, :4])


@pytest.mark.parametrize("name", [*QUICK, "lof"])
def test_not_fitted(name):
    for action in (make_detector(name).predict, make_detector(name).decision_function):
        with pytest.raises(NotFittedError, match="call fit first"):
            action(make_rows())


@pytest.mark.parametrize(("rows", "text"), [(0, "0 rows"), (1, r"1 row \(n_samples = 1\)")])
def test_too_few_rows(rows, text):
    for name in QUICK:
        with pytest.raises(TrainingError, match=text):
            make_detector(name).fit(make_rows()[:rows])


def test_no_columns():
    with pytest.raises(TrainingError, match=r"^nothing to learn from: 0 feature\(s\)"):
        GMM().fit(np.empty((5, 0)))


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_values_that_are_no_numbers(value, word):
    rows = make_rows()
    rows[7, 2] = value
    with pytest.raises(TrainingError, match=rf"{word} .*in row 7, column 2 \(counted from 0\)$"):
        GMM().fit(rows)
    rows[9, 0] = rows[9, 1] = np.nan
    with pytest.raises(TrainingError, match=r"and 2 more such values$"):
        GMM().fit(rows)
    with pytest.raises(OptionError, match=r"finite numbers: .*row 7, column 2"):
        fitted("gmm").decision_function(rows)


def test_numbers_whose_sum_is_too_large():
    assert _base.not_finite(np.full((3, 2), 1e308)) == ""


@pytest.mark.parametrize(
    ("X", "text"),
    [
        ([1.0, 2, 3], "must be a matrix"),
        ([["a", "b"], ["c", "d"]], "must be numbers"),
        (np.ones((3, 2), dtype=complex), "Complex data not supported"),
    ],
)
def test_what_is_no_matrix_of_numbers(X, text):
    with pytest.raises(TrainingError, match=text):
        GMM().fit(X)
    with pytest.raises(OptionError, match=text):
        fitted("gmm").decision_function(X)


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [
        ("ocsvm", {"nu": 3}, r"nu=3: must be a float in the range \(0.0, 1.0\]"),
        ("ocsvm", {"mu": 0.1}, r"param=\{'mu': 0.1\}: must be one of kernel, degree, gamma"),
        ("gmm", {"n_components": 0}, "n_components=0: must be an int"),
        ("kde", {"bandwidth": -1}, "bandwidth=-1: must be"),
        ("if", {"n_estimators": "many"}, "n_estimators='many': must be an int"),
        ("pca", {"svd_solver": "best"}, "svd_solver='best': must be"),
        ("ae", {"lat_dim": 0}, "lat_dim=0: must be a whole number from 1"),
        ("ae", {"lr": 0}, "lr=0: must be a number above 0"),
        ("ae", {"l2_regularizer": -1}, "l2_regularizer=-1: must be"),
        ("ae", {"dropout_rate": 1}, "dropout_rate=1: must be"),
        ("ae", {"loss": "mae"}, "loss='mae': must be 'mse'"),
        ("ae", {"backend": "abacus"}, "backend='abacus': must be one of sklearn, torch"),
        ("oc-nystroem", {"n_landmarks": 1}, "n_landmarks=1: must be a whole number from 2"),
        ("oc-kjl", {"q_bandwidth": 0}, "q_bandwidth=0: must be a number above 0, up to 1"),
        ("oc-kjl", {"bandwidth": float("inf")}, "bandwidth=inf: must be"),
        ("oc-kjl", {"covariance_type": "some"}, "covariance_type='some': must be"),
        ("ocsvm-sgd", {"gamma": "big"}, "gamma='big': must be"),
        ("ocsvm-sgd", {"nu": 0}, "nu=0: must be"),
        ("lof", {"contamination": 0.7}, "contamination=0.7: must be a number from 0 to 0.5"),
        ("ecod", {"contamination": True}, "contamination=True: must be"),
    ],
)
def test_parameters_out_of_range(name, params, text):
    with pytest.raises(OptionError, match=text):
        ndm.make_detector(name, params)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="unknown detector 'svm'; known: ocsvm, kde"):
        ndm.make_detector("svm")
    with pytest.raises(UnknownNameError):
        ndm.parameters_of("svm")
    with pytest.raises(UnknownNameError, match="unknown scale 'big'; known: none, standard, robust, log"):
        make_scaler("big")


def test_aliases_and_upper_case():
    assert ndm.registry_name("iforest") == ndm.registry_name("IF") == "if"
    assert type(ndm.make_detector("OCSVM")) is OCSVM


def test_seed_and_contamination_reach_the_detector():
    detector = ndm.make_detector("if", {"n_estimators": 7}, random_state=5, contamination=0.3)
    assert (detector.n_estimators, detector.random_state, detector.contamination) == (7, 5, 0.3)
    assert ndm.make_detector("if", {"random_state": 1, "contamination": 0.2}, random_state=5).random_state == 1
    assert ndm.make_detector("ocsvm", {"nu": 0.25}).nu == 0.25


def test_missing_torch(monkeypatch):
    monkeypatch.setattr("netml.ndm.ae.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"AE\(backend='torch'\) needs .* pip install netml\[torch\]"):
        AE(backend="torch").fit(make_rows())


def test_missing_extra(monkeypatch):
    monkeypatch.setattr(ndm, "find_spec", lambda name: None)
    for action in (ndm.make_detector, ndm.parameters_of):
        with pytest.raises(MissingExtraError, match=r"detector vae needs .* pip install netml\[torch\]"):
            action("vae")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
def test_ae_trained_by_torch():
    import torch

    state = torch.get_rng_state()
    both = [AE(backend=backend).fit(make_rows(200)) for backend in ("torch", "torch", "sklearn")]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(isinstance(weights, np.ndarray) for weights in (*both[0].weights_, *both[0].biases_))
    scores = [detector.decision_function(new_rows()) for detector in both]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert np.corrcoef(scores[0], scores[2])[0, 1] > 0.99


def test_names_of_types_are_those_of_the_tables():
    for kernel in get_args(kde.KernelName):
        ndm.make_detector("kde", {"kernel": kernel})
    assert get_args(kde.KernelName) == (*kde._LOG_KERNELS, *kde._KERNELS)
    for covariance_type in get_args(CovarianceType):
        mixture = ndm.make_detector("gmm", {"covariance_type": covariance_type})
        assert mixture._fields()["precisions_cholesky_"].shape
    for backend in get_args(ae.Backend):
        assert AE(backend=backend).backend == backend
    with pytest.raises(OptionError, match=f"one of {', '.join(get_args(ae.Backend))}"):
        AE(backend="abacus").check_parameters()
