"""The detectors for millions of flows, against readable references; and AE, the scalers."""

import numpy as np
import pytest
from _detectors import make_rows
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics import roc_auc_score

from netml.errors import OptionError, TrainingError
from netml.ndm import _base, _projection
from netml.ndm.ae import AE
from netml.ndm.gmm import GMM
from netml.ndm.kde import KDE
from netml.ndm.oc_kjl import OCKJL
from netml.ndm.oc_nystroem import OCNystroem
from netml.ndm.ocsvm import OCSVM
from netml.ndm.ocsvm_sgd import OCSVMSGD
from netml.ndm.scaling import LogScaler, make_scaler

BOTH = (OCNystroem, OCKJL)


def kernel(rows, others, bandwidth):
    squares = ((rows[:, None] - others[None]) ** 2).sum(axis=2)
    return np.exp(-squares / (2 * bandwidth**2))


def log_likelihood(points, mixture):
    """Of a Gaussian mixture, from its definition."""
    total = 0
    for weight, mean, factor in zip(mixture.weights_, mixture.means_, mixture.precisions_cholesky_, strict=True):
        precision = factor @ factor.T
        distances = ((points - mean) @ precision * (points - mean)).sum(axis=1)
        density = np.sqrt(np.linalg.det(precision) / (2 * np.pi) ** len(mean)) * np.exp(-distances / 2)
        total = total + weight * density
    return np.log(total)


@pytest.mark.parametrize("kind", BOTH)
def test_scores_by_definition(kind):
    detector = kind(n_landmarks=20, n_dims=3, n_components=2).fit(make_rows(100))
    new = make_rows(9, seed=1)
    points = kernel(new, detector.landmarks_, detector.bandwidth_) @ detector.projection_
    np.testing.assert_allclose(detector.decision_function(new), -log_likelihood(points, detector), rtol=1e-6)


def test_all_dimensions_of_nystroem_keep_the_kernel():
    """Inner products of the points are the kernel, where rows are landmarks."""
    detector = OCNystroem(n_landmarks=12, n_dims=12, bandwidth=1.0, n_components=1).fit(make_rows(12))
    points = detector._project(detector.landmarks_.astype(float))
    np.testing.assert_allclose(points @ points.T, kernel(make_rows(12), make_rows(12), 1.0), atol=1e-4)


def test_directions_of_kjl_are_random():
    detectors = [OCKJL(random_state=seed).fit(make_rows(100)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(detectors[0].projection_, detectors[1].projection_)
    assert not np.array_equal(detectors[0].projection_, detectors[2].projection_)
    assert detectors[0].projection_.std() == pytest.approx(0.1, rel=0.1)  # 1 / sqrt(n_landmarks)


@pytest.mark.parametrize("kind", BOTH)
def test_bandwidth_is_a_quantile_of_distances(kind):
    rows = make_rows(15)
    distances = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2))[np.triu_indices(15, 1)]
    detector = kind(q_bandwidth=1.0).fit(rows)
    assert detector.bandwidth_ == pytest.approx(distances.max(), rel=1e-6)
    assert kind(bandwidth=2).fit(rows).bandwidth_ == 2.0


def test_kernel_of_equal_rows_is_1():
    rows = 1e4 + np.random.default_rng(0).uniform(size=(50, 7))  # the squares of their distances come out below 0
    values = _projection.kernel_values(rows, rows, 1e-3)
    assert values.max() <= 1
    assert values.diagonal().min() > 0.1


def test_variances_grow_by_a_share_of_the_largest(monkeypatch):
    seen = []
    make_mixture = OCNystroem._make_mixture
    monkeypatch.setattr(
        OCNystroem, "_make_mixture", lambda self, **params: seen.append(params) or make_mixture(self, **params)
    )
    detector = OCNystroem(reg_covar=0.01).fit(make_rows(50))
    assert seen[-1]["reg_covar"] == pytest.approx(0.01 * detector._project(make_rows(50)).var(axis=0).max())


@pytest.mark.parametrize("kind", BOTH)
def test_never_more_than_the_rows_allow(kind):
    detector = kind().fit(make_rows(25))
    assert len(detector.landmarks_) == 25
    assert len(detector.weights_) == 2  # one for 10 rows
    assert len(kind().fit(make_rows(2)).weights_) == 1


@pytest.mark.parametrize("kind", [*BOTH, OCSVMSGD])
def test_blocks_and_their_seams(kind, monkeypatch):
    detector = kind(n_landmarks=10).fit(make_rows(100))
    whole = detector.decision_function(make_rows(30, seed=1))
    monkeypatch.setattr(_base, "BLOCK_ROWS", 7)
    np.testing.assert_allclose(detector.decision_function(make_rows(30, seed=1)), whole, rtol=1e-6)


@pytest.mark.parametrize("kind", BOTH)
def test_mixture_of_a_part_of_many_rows(kind, monkeypatch):
    monkeypatch.setattr(_projection, "MAX_MIXTURE_ROWS", 40)
    seen = []
    monkeypatch.setattr(kind, "_project", lambda self, rows: seen.append(len(rows)) or rows[:, :2])
    kind().fit(make_rows(100))
    assert seen == [40, 100]  # the mixture's, then those whose scores make the threshold


def test_sgd_is_scikit_learns_pipeline():
    rows, new = make_rows(150), make_rows(20, seed=1)
    detector = OCSVMSGD(n_landmarks=30, gamma=0.1, random_state=0).fit(rows)
    nystroem = Nystroem(gamma=0.1, n_components=30, random_state=0).fit(rows)
    machine = SGDOneClassSVM(nu=0.5, random_state=0).fit(nystroem.transform(rows))
    expected = -machine.score_samples(nystroem.transform(new))
    np.testing.assert_allclose(detector.decision_function(new), expected, rtol=1e-6, atol=1e-9)


def test_sgd_comes_close_to_the_exact_one():
    rows, new = make_rows(400), make_rows(50, seed=1)
    new = np.vstack([new, np.random.default_rng(0).uniform(-5, 5, (50, 5))])
    y = np.repeat([0, 1], 50)
    exact, close = (roc_auc_score(y, kind().fit(rows).decision_function(new)) for kind in (OCSVM, OCSVMSGD))
    assert close == pytest.approx(exact, abs=0.02)
    assert OCSVMSGD().fit(rows).bandwidth_ == pytest.approx(np.sqrt(0.5 / OCSVM().fit(rows)._gamma))


def test_ocsvm_as_scikit_learn_has_it():
    detector = OCSVM(nu=0.3).fit(make_rows(60))
    new = make_rows(9, seed=1)
    np.testing.assert_array_equal(detector.score_samples(new), -detector.decision_function(new))
    # Outside scikit-learn's own region is above minus its offset.
    dual = detector.dual_coef_ @ kernel(detector.support_vectors_, new, np.sqrt(0.5 / detector._gamma))
    np.testing.assert_allclose(detector.decision_function(new), -dual[0], rtol=1e-9)


def test_ocsvm_of_the_original():
    """A file of the original has no threshold; what was abnormal by scikit-learn's sign is so now."""
    state = OCSVM().fit(make_rows(60)).__getstate__()
    for name in ("threshold_", "contamination"):
        del state[name]
    original = OCSVM.__new__(OCSVM)
    original.__setstate__(state)
    rows = make_rows(20, seed=1)
    signs = np.where(original._decision_function(rows).ravel() < 0, -1, 1)
    np.testing.assert_array_equal(original.predict(rows), signs)
    assert set(signs) == {-1, 1}


@pytest.mark.parametrize("kind", [GMM, KDE])
def test_no_threshold_of_the_original(kind):
    detector = kind().fit(make_rows())
    del detector.threshold_, detector.n_features_in_
    assert np.isfinite(detector.decision_function(make_rows())).all()
    with pytest.raises(TrainingError, match=f"this {kind.__name__} has no threshold: the original netml kept none"):
        detector.predict(make_rows())


def test_a_name_from_outside():
    detector = OCSVM()
    detector.name = "OCSVM"
    assert detector.fit(make_rows()).name == "OCSVM"


def test_ae_is_the_distance_to_what_the_network_makes_of_a_row():
    detector = AE(epochs=5).fit(make_rows(50))
    row = make_rows(1, seed=1)[0]
    scaled = (row - make_rows(50).mean(axis=0)) / make_rows(50).std(axis=0)
    values = scaled
    for depth, (weights, biases) in enumerate(zip(detector.weights_, detector.biases_, strict=True)):
        values = values @ weights + biases
        values = values if depth == 3 else np.maximum(values, 0)
    assert [weights.shape for weights in detector.weights_] == [(5, 16), (16, 8), (8, 16), (16, 5)]
    assert detector.decision_function([row])[0] == pytest.approx(np.sqrt(((scaled - values) ** 2).sum()))


def test_ae_learns():
    errors = [AE(epochs=epochs).fit(make_rows(200)).decision_function(make_rows(200)).mean() for epochs in (1, 60)]
    assert errors[1] < errors[0] / 2


def test_ae_of_one_column():
    assert AE(epochs=3).fit(make_rows()[:, :1]).decision_function([[0.0]]).shape == (1,)


def test_log_scaler():
    rows = np.array([[0.0, -1], [9, 1], [99, 7]])
    logarithms = np.array([[0, -np.log(2)], [np.log(10), np.log(2)], [np.log(100), np.log(8)]])
    expected = (logarithms - logarithms.mean(axis=0)) / logarithms.std(axis=0)
    np.testing.assert_allclose(LogScaler().fit_transform(rows), expected)
    assert rows[2, 0] == 99  # not written over
    np.testing.assert_array_equal(LogScaler().fit_transform([[3.0], [3]]), [[0], [0]])


def test_log_scaler_with_another_width():
    with pytest.raises(OptionError, match="3 columns, as in training"):
        LogScaler().fit(np.ones((2, 3))).transform(np.ones((2, 2)))


@pytest.mark.parametrize(("name", "expected"), [("standard", [-1.0, -1 / 3, -1 / 3, 5 / 3]), ("robust", [-1, 0, 0, 3])])
def test_scalers(name, expected):
    scaled = make_scaler(name).fit_transform([[0.0], [1], [1], [4]])[:, 0]
    assert np.argsort(scaled).tolist() == np.argsort(expected).tolist()
    assert scaled[1] == pytest.approx(0 if name == "robust" else -0.333, abs=1e-3)


def test_no_scaler():
    assert make_scaler("none") is None


@pytest.mark.parametrize("detector", [OCSVM(), OCSVM(kernel="linear"), KDE(), KDE(rtol=0.1, breadth_first=False)])
def test_blocks_change_no_score(detector, monkeypatch):
    rows, new = make_rows(60), make_rows(50, seed=1)
    scores = detector.fit(rows).decision_function(new)
    monkeypatch.setattr(_base, "PAIRS_AT_ONCE", 7 * 60)
    assert len(_base.score_in_blocks(lambda block: [len(block)], new, 60)) == 8
    np.testing.assert_allclose(detector.decision_function(new), scores, rtol=1e-14)
