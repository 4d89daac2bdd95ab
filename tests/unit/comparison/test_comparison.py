"""Comparisons: who trains, what chooses, what is only reported."""

import csv
import io
import itertools
import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

import netml
from netml import comparison, ndm
from netml.comparison import candidates, grids, leaderboard, splits
from netml.comparison.study import Header, SplitBy, Study
from netml.errors import EvaluationError, OptionError, TooManyRowsError, UnknownNameError
from netml.families import FAMILIES, custom, spec
from netml.labels import truth

QUICK = Study(families=("STATS", "SIZE"), header="no", detectors=("gmm", "pca", "kde"), n_resamples=50)


@pytest.fixture(scope="module")
def demo(request):
    """Flows of the demo, and what they are."""
    data = request.config.rootpath / "examples" / "data"
    table = netml.read_flows(data / "demo.pcap")
    return table, truth.label_tables([table], [data / "demo.csv"])


@pytest.fixture(scope="module")
def found(demo):
    table, y = demo
    return comparison.compare_flows([table], y, QUICK)


def random_flows(n_normal, n_abnormal, n_groups, seed=0):
    random = np.random.default_rng(seed)
    y = random.permutation([0] * n_normal + [1] * n_abnormal)
    return y, random.integers(0, n_groups, len(y)) + n_groups * y


@pytest.mark.parametrize(("n_normal", "n_abnormal"), [(500, 100), (120, 300), (40, 7)])
def test_the_parts_of_a_split(n_normal, n_abnormal):
    y, _ = random_flows(n_normal, n_abnormal, 10)
    split = splits.split_flows(y, np.arange(len(y)), validation_size=0.4, test_size=0.6)
    rows = np.concatenate(split)
    assert len(set(rows.tolist())) == len(rows) == len(y)
    assert all((np.diff(part) > 0).all() for part in split)
    assert y[split.train].sum() == 0
    n_test, n_validation = int(y[split.test].sum()), int(y[split.validation].sum())
    assert (n_test, n_validation) == (round(0.6 * n_abnormal), n_abnormal - round(0.6 * n_abnormal))
    n_held = min(n_abnormal, n_normal // 2)
    assert len(split.train) == n_normal - n_held
    assert abs((len(split.test) - n_test) - 0.6 * n_held) <= 1


def test_groups_stay_together():
    y, groups = random_flows(400, 200, 60)
    split = splits.split_flows(y, groups, validation_size=0.25, test_size=0.5)
    owners = [set(groups[part].tolist()) for part in split]
    assert [len(one & other) for one, other in itertools.combinations(owners, 2)] == [0, 0, 0]
    assert abs(int(y[split.test].sum()) - 100) < 12
    assert abs(int(y[split.validation].sum()) - 50) < 12
    assert len(y) - sum(map(len, split)) == 200 - int(y[split.test].sum()) - int(y[split.validation].sum())


def test_a_split_is_seeded_and_capped():
    y, groups = random_flows(300, 80, 60)
    first, again, other = (splits.split_flows(y, groups, random_state=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(*parts) for parts in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)
    capped = splits.split_flows(y, groups, max_train_rows=20, random_state=1)
    assert len(capped.train) == 20
    assert set(capped.train) < set(first.train)
    assert np.array_equal(capped.test, first.test)


def test_what_cannot_be_split():
    y, groups = random_flows(30, 10, 5)
    with pytest.raises(OptionError, match="at most 1 together with validation_size"):
        splits.split_flows(y, groups, validation_size=0.5, test_size=0.6)
    with pytest.raises(OptionError, match="test_size"):
        splits.split_flows(y, groups, test_size=0.0)
    with pytest.raises(EvaluationError, match="all normal"):
        splits.split_flows(np.zeros(9, int), np.arange(9))
    with pytest.raises(EvaluationError, match=r"30 normal and 10 abnormal flows, of 2 connections, are too few"):
        splits.split_flows(y, y)
    with pytest.raises(EvaluationError, match="too few"):
        splits.split_flows(np.array([0, 0, 1]), np.arange(3))


def test_the_leaderboard_is_ordered_by_validation(found):
    aucs = [entry.validation_auc for entry in found.entries]
    assert aucs == sorted(aucs, reverse=True)
    assert len(aucs) == QUICK.n_candidates == 6
    assert {entry.name for entry in found.entries} == {
        f"{family}, {name}" for family in ("STATS", "SIZE") for name in ("gmm", "pca", "kde")
    }
    assert found.best is found.entries[0]


def test_entries_are_what_plain_code_gives(demo, found):
    table, y = demo
    split = splits.split_flows(y, truth.connection_of(table.flows), max_train_rows=5000)
    train = table[split.train]
    dim = int(np.quantile(train.lengths, 0.9))
    representation = netml.FlowRepresentation("SIZE", dim=dim).fit(table)
    detector = ndm.make_detector("gmm").fit(representation.transform(train).X)
    entry = next(entry for entry in found.entries if entry.name == "SIZE, gmm")
    assert (entry.dim, entry.n_features) == (dim, dim)
    for part, auc in ((split.validation, entry.validation_auc), (split.test, entry.test.auc)):
        scores = detector.decision_function(representation.transform(table[part]).X)
        from sklearn.metrics import roc_auc_score

        assert auc == pytest.approx(roc_auc_score(y[part], scores))
    assert entry.test.threshold == detector.threshold_


def test_no_choice_is_made_on_the_test_flows(demo, found):
    """Other test labels: other test figures, but the same order, the same winner, the same parameters."""
    table, y = demo
    study = replace(QUICK, families=("SIZE",), detectors=("gmm", "pca"), tune=True)
    before = comparison.compare_flows([table], y, study)
    split = splits.split_flows(y, truth.connection_of(table.flows), max_train_rows=5000)
    parts = [table[rows] for rows in split]
    wrong = np.random.default_rng(0).permutation(y[split.test])
    after = leaderboard.Comparison.of(
        list(comparison._run(study, parts, y[split.validation], wrong)), study, before.flows
    )

    def choices(of):
        return [(entry.name, entry.params, entry.validation_auc) for entry in of.entries]

    assert choices(after) == choices(before)
    assert [one.test.auc for one in after.entries] != [one.test.auc for one in before.entries]


def test_other_validation_labels_choose_otherwise(demo, found):
    table, y = demo
    split = splits.split_flows(y, truth.connection_of(table.flows), max_train_rows=5000)
    parts = [table[rows] for rows in split]
    opposite = list(comparison._run(QUICK, parts, 1 - y[split.validation], y[split.test]))
    order = [entry.name for entry in leaderboard.Comparison.of(opposite, QUICK, found.flows).entries]
    assert order == [entry.name for entry in found.entries][::-1]


def test_the_same_seed_gives_the_same(demo, found):
    table, y = demo

    def figures(of):
        return [(entry.name, entry.validation_auc, entry.test) for entry in of.entries]

    assert figures(comparison.compare_flows([table], y, QUICK)) == figures(found)
    other = comparison.compare_flows([table], y, replace(QUICK, random_state=7))
    assert figures(other) != figures(found)


def test_tuning_keeps_the_best_on_validation(demo, found):
    table, y = demo
    tuned = comparison.compare_flows(
        [table], y, replace(QUICK, tune=True, families=("SIZE", "SAMP_NUM"), detectors=("pca", "kde"))
    )
    plain = {entry.name: entry for entry in found.entries}
    for entry in tuned.entries:
        assert entry.n_tried > 1
        if entry.name in plain:
            assert entry.validation_auc >= plain[entry.name].validation_auc
    assert any(entry.params for entry in tuned.entries)
    assert len({entry.rate_s for entry in tuned.entries if "SAMP" in entry.name}) > 1, "the rate is chosen, too"


def test_every_grid_can_be_trained():
    X = np.random.default_rng(0).normal(size=(60, 4))
    for name in comparison.Study().detectors:
        grid = grids.make_grid(name, X, 0)
        assert grid[0] == {}
        for params in grid[1:]:
            assert np.isfinite(ndm.make_detector(name, params).fit(X).decision_function(X)).all()


def test_what_fails_gets_a_reason(demo, monkeypatch):
    table, y = demo
    from netml.ndm import costs

    def refuse(name, n_rows, n_features):
        if name == "pca":
            raise TooManyRowsError(f"{n_rows} rows would take a week")

    monkeypatch.setattr(costs, "check_cost", refuse)
    seen = []
    found = comparison.compare_flows([table], y, replace(QUICK, families=("SIZE",)), on_entry=seen.append)
    assert [entry.detector for entry in seen] == ["gmm", "pca", "kde"]
    failed = found.entries[-1]
    assert (failed.detector, failed.validation_auc, failed.test) == ("pca", None, None)
    assert failed.reason == "148 rows would take a week"
    assert "failed: 148 rows would take a week" in found.to_text()
    forced = comparison.compare_flows([table], y, replace(QUICK, families=("SIZE",), force=True))
    assert not any(entry.reason for entry in forced.entries)
    monkeypatch.setattr(ndm, "is_installed", lambda extra: False)
    monkeypatch.setitem(ndm.DETECTORS, "pca", ndm.DETECTORS["pca"]._replace(extra="torch"))
    without = comparison.compare_flows([table], y, replace(QUICK, families=("SIZE",)))
    assert without.entries[-1].reason.endswith("pip install netml[torch]")
    only = comparison.compare_flows([table], y, replace(QUICK, families=("SIZE",), detectors=("pca",)))
    assert only.best is None
    assert "nothing could be trained" in only.to_text()


def test_jobs_change_nothing(demo, found):
    table, y = demo
    both = comparison.compare_flows([table], y, replace(QUICK, families=("SIZE",), jobs=2))
    alone = [entry for entry in found.entries if entry.representation == "SIZE"]
    assert [(one.name, one.validation_auc, one.test) for one in both.entries] == [
        (one.name, one.validation_auc, one.test) for one in alone
    ]


def test_compare_reads_captures(request):
    data = request.config.rootpath / "examples" / "data"
    study = replace(QUICK, families=("STATS",), detectors=("pca",))
    found = comparison.compare(pcap=data / "demo.pcap", labels=data / "demo.csv", study=study, header="both")
    assert {entry.representation for entry in found.entries} == {"STATS", "STATS header"}
    assert found.flows["captures"] == [str(data / "demo.pcap")]
    by_capture = comparison.compare(
        pcap_normal=data / "demo.pcap", pcap_abnormal=data / "demo.pcap", study=study, split_by="flow"
    )
    counts = by_capture.flows
    assert (counts["train"]["normal"], counts["validation"]["abnormal"] + counts["test"]["abnormal"]) == (333, 666)


def test_the_interval_is_the_normal_captures(request, shared_captures):
    normal = request.config.rootpath / "examples" / "data" / "demo.pcap"
    other = shared_captures / "netml-demo.pcap"
    tables = comparison.read_captures([normal, other], [0, 1], QUICK)
    alone = netml.read_flows(normal)
    assert [table.metadata["interval_s"] for table in tables] == [alone.metadata["interval_s"]] * 2
    with_labels = comparison.read_captures([normal, other], ["a.csv", "b.csv"], QUICK)
    assert with_labels[0].metadata["interval_s"] not in (alone.metadata["interval_s"], None)


def test_bad_studies():
    with pytest.raises(UnknownNameError, match="family"):
        Study(families=("IATT",))
    with pytest.raises(UnknownNameError, match="detector"):
        Study(detectors=("ocsvmm",))
    with pytest.raises(UnknownNameError, match="scale"):
        Study(scales=("wide",))
    for options in ({"header": "maybe"}, {"split_by": "day"}, {"jobs": 0}, {"detectors": ()}, {"random_state": -1}):
        with pytest.raises(OptionError, match=next(iter(options))):
            Study(**options)


def test_json_and_csv(found, tmp_path):
    parsed = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [entry["rank"] for entry in parsed["entries"]] == [1, 2, 3, 4, 5, 6]
    assert parsed["entries"][0]["test"]["auc"] == found.best.test.auc
    assert parsed["how"] == {"split_by": "connection", "random_state": 42, "tune": False, "max_train_rows": 5000}
    found.save(tmp_path / "board.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "board.csv").read_text())))
    assert [float(row["validation_auc"]) for row in rows] == [entry.validation_auc for entry in found.entries]
    assert float(rows[0]["test_auc_low"]) == found.best.test.auc_low
    failed = leaderboard.Comparison((candidates.Entry("SIZE", "ae", "none", reason="no"),), found.flows, found.how)
    assert failed.to_csv().splitlines()[1] == ",SIZE,ae,none,,0,0,0.0,1,,,,,,,,,,,no"


def test_text_says_who_chose(found):
    text = found.to_text()
    assert "train       148 normal flows" in text
    assert f"best        {found.best.name}: test AUC {found.best.test.auc:.3f}, chosen of 6 by validation AUC" in text
    table = found.table_lines()
    assert table[1].startswith("1*")
    assert len({line.index("(") for line in table[1:]}) == 1, "columns are aligned"
    assert len({len(line) for line in table}) == 1, "numbers end in one column"


def test_few_flows_are_warned_of(demo):
    table, y = demo
    rows = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:12]])
    found = comparison.compare_flows([table[rows]], y[rows], replace(QUICK, families=("SIZE",), detectors=("pca",)))
    assert "6 flows of a class to choose by: the order can be chance" in found.to_text()


def test_names_of_types_are_those_of_the_tables():
    assert get_args(spec.FamilyDefinition) == custom.DEFINITIONS
    assert {family.definition for family in FAMILIES.values()} == set(custom.DEFINITIONS)
    for name, values in (("header", Header), ("split_by", SplitBy)):
        for value in get_args(values):
            assert getattr(Study(**{name: value}), name) == value
        with pytest.raises(OptionError, match=f"{name}='third': must be one of {', '.join(get_args(values))}"):
            Study(**{name: "third"})
