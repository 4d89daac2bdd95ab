"""`FlowRepresentation`: what it learns, what it makes of other captures, and how it goes with scikit-learn."""

import json
import pickle

import numpy as np
import pytest
import traffic
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils import estimator_checks

import netml
from netml import FlowOptions, FlowRepresentation, OptionError, TrainingError, UnknownNameError
from netml.families import FamilyOptions

# Those of scikit-learn's checks that do not feed an estimator arrays of numbers, which are no captures; by name, as its
# versions do not all have all of them.
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.fixture
def monday(tmp_path):
    return traffic.write_pcap(tmp_path / "monday.pcap", traffic.many_flows(300))


@pytest.fixture
def tuesday(tmp_path):
    later = traffic.START_NS + 86_400 * 10**9
    return traffic.write_pcap(tmp_path / "tuesday.pcap", traffic.many_flows(120, 5, start_ns=later))


@pytest.mark.parametrize("name", CHECKS)
def test_scikit_learns_checks(name):
    check = getattr(estimator_checks, name, None)
    if check is None:
        pytest.skip("this scikit-learn has no such check")
    check("FlowRepresentation", FlowRepresentation())


@pytest.mark.parametrize("family", ["IAT", "SIZE", "STATS", "SAMP_NUM", ("IAT", "SIZE"), "FFT-IAT"])
@pytest.mark.parametrize("header", [False, True])
def test_fit_transform_is_extract(monday, family, header):
    wanted = netml.extract(monday, family, header=header)
    for made in (
        FlowRepresentation(family, header=header).fit_transform(monday),
        FlowRepresentation(family, header=header).fit(monday).transform(monday),
        FlowRepresentation(family, header=header).fit([str(monday)]).transform([monday]),
    ):
        np.testing.assert_array_equal(made.X, wanted.X)
        assert made.columns == wanted.columns
        assert made.metadata == wanted.metadata


def test_what_is_learned_is_applied(monday, tuesday):
    fitted = FlowRepresentation(["SAMP_NUM", "SIZE"], header=True).fit(monday)
    alone = netml.extract(tuesday, ["SAMP_NUM", "SIZE"], header=True)
    made = fitted.transform(tuesday)
    assert made.columns == fitted.columns_ != alone.columns
    assert made.metadata["interval_s"] == fitted.interval_ != alone.metadata["interval_s"]
    assert made.metadata["representation"]["rate_s"] == fitted.rate_ != alone.metadata["representation"]["rate_s"]
    table = netml.read_flows(tuesday, flow=FlowOptions(interval=fitted.interval_))
    assert len(made) == len(table)
    np.testing.assert_array_equal(made.flows.start_ns, table.flows.start_ns)


def test_given_numbers_are_not_learned(monday):
    fitted = FlowRepresentation("SAMP_NUM", dim=4, rate=0.5, flow=FlowOptions(interval=2.0)).fit(monday)
    assert (fitted.dim_, fitted.rate_, fitted.interval_) == (4, 0.5, 2.0)
    assert FlowRepresentation("IAT", rate=0.5).fit(monday).rate_ == 0.0, "IAT has no windows"


def test_captures_of_a_list_stay_apart(monday, tuesday):
    """Twice the same capture is twice its flows; read as one, its flows would be pooled."""
    flow = FlowOptions(interval=0.05)
    one = FlowRepresentation("STATS", flow=flow).fit(monday)
    both = FlowRepresentation("STATS", flow=flow).fit([monday, monday])
    assert (both.dim_, both.interval_) == (one.dim_, one.interval_)
    once, twice = one.transform(monday), one.transform([monday, monday])
    np.testing.assert_array_equal(twice.X, np.concatenate([once.X, once.X]))
    assert twice.flows.five_tuples() == once.flows.five_tuples() * 2
    assert twice.metadata["captures"] == [str(monday)] * 2
    assert twice.metadata["packets_read"] == 2 * once.metadata["packets_read"]
    dropped = {name: count["packets"] for name, count in twice.metadata["dropped"].items()}
    assert dropped == {name: 2 * count["packets"] for name, count in once.metadata["dropped"].items()}
    mixed = one.transform([monday, tuesday])
    assert (mixed.metadata["start_ns"], len(mixed.columns)) == (once.metadata["start_ns"], 12)
    assert mixed.metadata["end_ns"] > once.metadata["end_ns"]


def test_the_interval_is_a_keyword_wherever_flows_are_made(monday):
    flow = FlowOptions(interval=0.05)
    intervals = [netml.read_flows(monday, **options).metadata["interval_s"] for options in ({"interval": 0.05}, {})]
    assert intervals[0] == 0.05 != intervals[1]
    for given in (None, flow, FlowOptions()):
        options = {"interval": 0.05, "flow": given}
        matrix = netml.extract(monday, "SIZE", dim=3, **options)
        np.testing.assert_array_equal(matrix.X, netml.extract(monday, "SIZE", dim=3, flow=flow).X)
        assert matrix.metadata["flow"] == netml.extract(monday, flow=flow).metadata["flow"]
        fitted = FlowRepresentation("SIZE", dim=3, **options).fit(monday)
        assert fitted.to_dict() == FlowRepresentation("SIZE", dim=3, flow=flow).fit(monday).to_dict()
        assert clone(fitted).interval == 0.05
        model = netml.learn(monday, families="SIZE", dim=3, detector="ecod", **options)
        assert model.representation.interval_ == 0.05


@pytest.mark.parametrize(
    "make",
    [
        netml.read_flows,
        netml.extract,
        lambda capture, **options: netml.extract_batches(capture, "STATS", **options),
        lambda capture, **options: FlowRepresentation("STATS", **options).fit(capture),
        lambda capture, **options: netml.learn(capture, families="STATS", detector="ecod", **options),
    ],
    ids=["read_flows", "extract", "extract_batches", "FlowRepresentation", "learn"],
)
def test_two_intervals_are_refused(monday, make):
    text = r"interval=5\.0: must be left out, or that of flow=FlowOptions\(interval=2\)"
    with pytest.raises(OptionError, match=text):
        make(monday, interval=5.0, flow=FlowOptions(interval=2.0))
    for wrong in (0.0, -1.0, "5", float("nan")):
        with pytest.raises(OptionError, match="interval="):
            make(monday, interval=wrong)
    with pytest.raises(OptionError, match=r"interval=5\.0: must be left out: it is for original flows"):
        make(monday, interval=5.0, flow=FlowOptions(definition="uni"))


def test_the_interval_is_of_all_captures(monday, tuesday):
    fitted = FlowRepresentation("IAT", flow=FlowOptions(q_interval=0.5)).fit([monday, tuesday])
    durations = []
    for path in (monday, tuesday):
        table = netml.read_flows(path, flow=FlowOptions(interval=1e9))
        durations += [(table.flows.end_ns - table.flows.start_ns) / 1e9]
    assert fitted.interval_ == pytest.approx(np.quantile(np.concatenate(durations), 0.5), rel=1e-12)


def test_tables_of_flows(monday, tuesday):
    table = netml.read_flows(monday)
    fitted = FlowRepresentation("SIZE").fit(table)
    np.testing.assert_array_equal(fitted.transform(table).X, netml.extract(monday, "SIZE").X)
    assert fitted.interval_ == table.metadata["interval_s"]
    with pytest.raises(OptionError, match="same interval"):
        FlowRepresentation().fit([table, netml.read_flows(tuesday)])
    with pytest.raises(OptionError, match="all captures, or all tables"):
        FlowRepresentation().fit([table, tuesday])


@pytest.mark.parametrize("family", ["IAT", "FFT-SIZE", ("STATS", "SAMP_SIZE")])
@pytest.mark.parametrize(
    "early", [{}, {"max_packets": 3, "family_options": FamilyOptions(bulk_gap=2.0)}], ids=["", "early"]
)
def test_described_and_made_again(monday, tuesday, family, early):
    fitted = FlowRepresentation(family, header=True, size="wire", flow=FlowOptions(min_packets=3), **early).fit(monday)
    described = json.loads(json.dumps(fitted.to_dict()))
    for again in (
        FlowRepresentation.from_dict(described),
        FlowRepresentation.from_metadata(fitted.transform(tuesday).metadata),
        pickle.loads(pickle.dumps(fitted)),
    ):
        assert again.is_fitted
        assert again.to_dict() == fitted.to_dict()
        np.testing.assert_array_equal(again.transform(tuesday).X, fitted.transform(tuesday).X)
    assert FlowRepresentation.from_metadata({}) is None


@pytest.mark.parametrize("family", ["IAT", ("STATS", "SAMP_NUM")])
def test_first_packets_only(monday, family):
    """All that is learned, but for the interval, is of the first packets, as if flows had no others."""
    fitted = FlowRepresentation(family, header=True, max_packets=3)
    made = fitted.fit_transform(monday)
    expected = netml.extract(monday, family, header=True, max_packets=3)
    cut = netml.read_flows(monday).first(3)
    alone = FlowRepresentation(family, header=True).fit_transform(cut)
    for other in (expected, alone):
        np.testing.assert_array_equal(made.X, other.X)
        assert made.columns == other.columns
    assert fitted.dim_ == made.metadata["representation"]["dim"] <= 3
    assert made.flows.packets.max() == 3
    assert made.metadata["interval_s"] == netml.extract(monday, family).metadata["interval_s"]


def test_descriptions_of_before_there_were_options_of_families(monday):
    described = FlowRepresentation().fit(monday).to_dict()
    older = {name: value for name, value in described.items() if name not in ("max_packets", "family_options")}
    assert FlowRepresentation.from_dict(older).to_dict() == described
    pickled = FlowRepresentation().fit(monday)
    del pickled.max_packets, pickled.family_options
    assert pickle.loads(pickle.dumps(pickled)).to_dict() == described


def test_a_description_must_be_whole(monday):
    described = FlowRepresentation().fit(monday).to_dict()
    for name in ("families", "dim", "interval_s"):
        with pytest.raises(OptionError, match=name):
            FlowRepresentation.from_dict({key: value for key, value in described.items() if key != name})
    with pytest.raises(OptionError, match="interval_s"):
        FlowRepresentation.from_dict({**described, "interval_s": -1.0})
    with pytest.raises(OptionError, match="dim"):
        FlowRepresentation.from_dict({**described, "dim": 2**40})


def test_nothing_to_learn_from(tmp_path, monday):
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [])
    with pytest.raises(TrainingError, match="no flows"):
        FlowRepresentation().fit(empty)
    with pytest.raises(TrainingError, match="no flows"):
        FlowRepresentation().fit([])
    with pytest.raises(NotFittedError):
        FlowRepresentation().transform(monday)
    with pytest.raises(UnknownNameError, match="NOPE"):
        FlowRepresentation("NOPE").fit(monday)
    fitted = FlowRepresentation().fit(monday)
    for nothing in (empty, []):
        assert fitted.transform(nothing).shape == (0, len(fitted.columns_))


def test_in_a_pipeline(monday, tuesday):
    pipeline = make_pipeline(FlowRepresentation("SIZE"), StandardScaler(), OneClassSVM())
    assert set(pipeline.fit(monday).predict(tuesday)) <= {-1, 1}
    assert list(pipeline[:-1].get_feature_names_out())[:2] == ["size_0", "size_1"]
    assert len(pipeline.score_samples(tuesday)) == len(pipeline[0].transform(tuesday))
    again = clone(pipeline)
    assert not again[0].is_fitted
    assert again.set_params(flowrepresentation__families="IAT").fit(monday)[0].columns_[0] == "iat_0"


def test_the_container_of_the_output_can_be_chosen(monday):
    representation = FlowRepresentation("IAT")
    matrix = representation.set_output(transform="default").fit_transform(monday)
    assert isinstance(matrix, netml.FeatureMatrix)
    frame = clone(representation.set_output(transform="pandas")).set_output().fit_transform(monday)
    assert list(frame.columns) == list(matrix.columns)
    np.testing.assert_array_equal(frame.to_numpy(), matrix.X)
    scaled = (
        make_pipeline(FlowRepresentation("IAT"), StandardScaler()).set_output(transform="pandas").fit_transform(monday)
    )
    assert list(scaled.columns) == list(matrix.columns)
    with pytest.raises(OptionError, match="default, pandas"):
        representation.set_output(transform="polars")


def test_cross_validated_over_flows(monday):
    table = netml.read_flows(monday, flow=FlowOptions(interval=1e9))
    is_tcp = table.keys["protocol"] == 6
    pipeline = make_pipeline(FlowRepresentation("SIZE", dim=3, header=True), LogisticRegression(max_iter=1000))
    scores = cross_val_score(pipeline, table, is_tcp, cv=2, scoring="roc_auc", error_score="raise")
    assert scores.mean() > 0.9, "only TCP has flags"


def test_cross_validated_over_captures(monday, tuesday):
    pipeline = make_pipeline(FlowRepresentation("SIZE"), StandardScaler(), OneClassSVM())
    captures = [str(monday), str(tuesday), str(monday)]
    scores = cross_val_score(
        pipeline, captures, cv=3, scoring=lambda fitted, held_out: len(fitted.predict(held_out)), error_score="raise"
    )
    assert scores[0] == scores[2] > 0


def test_a_matrix_is_an_array(monday):
    matrix = netml.extract(monday)
    assert np.asarray(matrix).base is not None or np.shares_memory(np.asarray(matrix), matrix.X)
    np.testing.assert_array_equal(np.asarray(matrix, np.float32), matrix.X.astype(np.float32))
    assert not np.shares_memory(np.array(matrix), matrix.X)


def test_progress_counts_on(monday, tuesday):
    seen = []
    FlowRepresentation().fit_tables([monday, tuesday], progress=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[-1] == (monday.stat().st_size + tuesday.stat().st_size, 300 + 120)
