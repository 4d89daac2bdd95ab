"""scikit-learn's own checks of estimators, for netml's own detectors."""

import warnings

import numpy as np
from _detectors import make_rows
from sklearn.base import is_outlier_detector
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from netml import ndm
from netml.ndm.ocsvm import OCSVM
from netml.ndm.scaling import LogScaler, make_scaler

OTHER_TEXT = "the error is netml's own, of the same kind, and names the shape or the place"
HIGHER_IS_ABNORMAL = "scikit-learn's detectors score the other way round"
EXPECTED = {
    "check_n_features_in_after_fitting": OTHER_TEXT,
    "check_dataframe_column_names_consistency": "columns are known by their place; a model keeps their names",
    "check_dtype_object": OTHER_TEXT,
    "check_outliers_train": HIGHER_IS_ABNORMAL,
    "check_outlier_corruption": HIGHER_IS_ABNORMAL,
}
OF_ONE = {
    "GMM": {"check_non_transformer_estimators_n_iter": "the number of steps is not kept"},
    "ECOD": {"check_outliers_fit_predict": "a training row is ranked once more when it is scored again"},
}
# One that is a class of scikit-learn itself, and three kinds of others: what they have in common is in one base class.
DETECTORS = ("ocsvm", "gmm", "oc-nystroem", "ecod")


def expected_failures(estimator):
    return {**EXPECTED, **OF_ONE.get(type(estimator).__name__, {})}


with warnings.catch_warnings():
    # The base class is netml's, so that judging does not load scikit-learn; the checks hold all the same.
    warnings.filterwarnings("ignore", r"Estimator \w+ does not inherit from `sklearn.base.BaseEstimator`")
    CHECKS = parametrize_with_checks(
        [*(ndm.make_detector(name) for name in DETECTORS), LogScaler()], expected_failed_checks=expected_failures
    )


@CHECKS
def test_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ImportWarning)
        warnings.filterwarnings("ignore", r"Estimator \w+ does not inherit from `sklearn.base.BaseEstimator`")
        check(estimator)


def test_in_a_pipeline():
    rows = make_rows(60)
    rows[::5] = np.random.default_rng(0).uniform(-20, 20, (12, 5))
    y = [int(number % 5 == 0) for number in range(60)]
    pipeline = make_pipeline(make_scaler("log"), OCSVM(nu=0.2))
    assert is_outlier_detector(pipeline)
    assert cross_val_score(pipeline, rows, y, scoring="roc_auc", cv=3).min() > 0.9
