"""Figures from labels and scores: by hand, against scikit-learn, and of models on captures."""

import dataclasses
import json
import math

import numpy as np
import pytest
import traffic
from builders import captures

import netml
from netml import evaluation
from netml.errors import OptionError
from netml.evaluation import metrics
from netml.labels import truth
from netml.labels.reader import read_labels

# Scores from high to low: abnormal 9, normal 7, abnormal 5 and normal 5 (a tie), normal 1.
Y = [1, 0, 1, 0, 0]
SCORES = [9.0, 7.0, 5.0, 5.0, 1.0]


def random_case(n, seed, *, ties):
    random = np.random.default_rng(seed)
    y = (random.random(n) < 0.3).astype(int)
    y[:2] = 0, 1
    scores = random.normal(size=n) + y
    return y, np.round(scores) if ties else scores


def test_figures_by_hand():
    found = metrics.evaluate_scores(Y, SCORES, threshold=5.0)
    # Of the six pairs (abnormal, normal) 9 beats 7, 5, 1; 5 loses to 7, ties with 5, beats 1: 4.5 of 6.
    assert found.auc == 0.75
    # Above 5: an abnormal and a normal one; equal to the threshold is normal.
    assert (found.true_positives, found.false_positives) == (1, 1)
    assert (found.true_negatives, found.false_negatives) == (2, 1)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.false_positive_rate == 1 / 3
    assert found.prevalence == 0.4
    # Recall rises from 0 to 1/2 at precision 1, and to 1 at precision 2/4.
    assert found.average_precision == 0.5 * 1 + 0.5 * 0.5


def test_curves_by_hand():
    found = metrics.evaluate_scores(Y, SCORES)
    roc, precision_recall = found.roc(), found.precision_recall()
    assert roc.x.tolist() == [0, 0, 1 / 3, 2 / 3, 1]
    assert roc.y.tolist() == [0, 0.5, 0.5, 1, 1]
    assert precision_recall.x.tolist() == [0, 0.5, 0.5, 1, 1]
    assert precision_recall.y.tolist() == [1, 1, 0.5, 0.5, 0.4]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [3, 50, 3000])
def test_agrees_with_scikit_learn(n, ties):
    from sklearn import metrics as theirs

    y, scores = random_case(n, n, ties=ties)
    found = metrics.evaluate_scores(y, scores, threshold=0.5)
    judged = scores > 0.5
    assert found.auc == pytest.approx(theirs.roc_auc_score(y, scores))
    assert metrics.auc_of(y, scores) == found.auc
    assert found.average_precision == pytest.approx(theirs.average_precision_score(y, scores))
    assert found.precision == pytest.approx(theirs.precision_score(y, judged))
    assert found.recall == pytest.approx(theirs.recall_score(y, judged))
    assert found.f1 == pytest.approx(theirs.f1_score(y, judged))
    rates, recalls, _ = theirs.roc_curve(y, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.roc(), (rates, recalls))


@pytest.mark.parametrize(("n", "ties"), [(60, False), (60, True), (3000, False)])
def test_interval_is_that_of_a_plain_bootstrap(n, ties):
    y, scores = random_case(n, 5, ties=ties)
    random = np.random.default_rng(0)
    classes = [np.flatnonzero(y == label) for label in (0, 1)]
    plain = []
    for _ in range(1500):
        rows = np.concatenate([random.choice(rows, len(rows)) for rows in classes])
        plain.append(metrics.auc_of(y[rows], scores[rows]))
    found = metrics.evaluate_scores(y, scores)
    width = np.quantile(plain, 0.975) - np.quantile(plain, 0.025)
    np.testing.assert_allclose([found.auc_low, found.auc_high], np.quantile(plain, (0.025, 0.975)), atol=width / 8)


def test_interval_is_seeded():
    y, scores = random_case(80, 1, ties=False)
    first, again, other = (metrics.evaluate_scores(y, scores, random_state=seed) for seed in (1, 1, 2))
    assert (first.auc_low, first.auc_high) == (again.auc_low, again.auc_high)
    assert (first.auc_low, first.auc_high) != (other.auc_low, other.auc_high)
    assert first.auc_low < first.auc < first.auc_high


def test_flows_without_a_label_are_counted_and_left_out():
    found = metrics.evaluate_scores([-1, *Y, -1], [100.0, *SCORES, -100.0], threshold=5.0)
    assert found.n_unlabelled == 2
    assert (found.auc, found.false_positives) == (0.75, 1)
    assert "2 without a label left out" in found.to_text()


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([0, 0, 0], "the 3 labelled flows are all normal: an evaluation needs abnormal flows, too"),
        (
            [1, 1, -1],
            "the 2 labelled flows are all abnormal: an evaluation needs normal flows, too; without a label: 1 flow",
        ),
        ([0, -1, -1], "the one labelled flow is normal"),
        ([-1, -1, -1], "there are no labelled flows"),
    ],
)
def test_a_class_is_missing(y, text):
    with pytest.raises(evaluation.EvaluationError) as raised:
        metrics.evaluate_scores(y, [1.0, 2.0, 3.0])
    assert str(raised.value).startswith(text)


def test_bad_scores_and_labels():
    with pytest.raises(evaluation.EvaluationError, match="2 of 3 scores are NaN, the first that of row 1"):
        metrics.evaluate_scores([0, 1, 1], [1.0, math.nan, math.nan])
    with pytest.raises(OptionError, match="scores"):
        metrics.evaluate_scores([0, 1], [1.0, 2.0, 3.0])
    with pytest.raises(OptionError, match="y=2: must be 1 for abnormal"):
        metrics.evaluate_scores([0, 1, 2], [1.0, 2.0, 3.0])
    with pytest.raises(OptionError, match="threshold"):
        metrics.evaluate_scores(Y, SCORES, threshold=math.nan)
    with pytest.raises(OptionError, match="n_resamples"):
        metrics.evaluate_scores(Y, SCORES, n_resamples=0)


def test_what_is_not_defined_is_none():
    found = metrics.evaluate_scores(Y, SCORES)
    assert (found.precision, found.recall, found.f1, found.false_positive_rate, found.true_negatives) == (None,) * 5
    none_flagged = metrics.evaluate_scores(Y, SCORES, threshold=100.0)
    assert (none_flagged.precision, none_flagged.recall, none_flagged.f1) == (None, 0.0, 0.0)
    assert any("precision is not defined" in note for note in none_flagged.notes())


@pytest.mark.parametrize("threshold", [None, 100.0, math.inf])
def test_json_has_no_nan(threshold):
    scores = [*SCORES[:-1], -math.inf]
    text = json.dumps(metrics.evaluate_scores(Y, scores, threshold).to_dict(), allow_nan=False)
    assert json.loads(text)["precision"] is None
    assert len(json.loads(text)["auc_interval"]) == 2


def test_notes_say_why_not_to_believe():
    few = metrics.evaluate_scores(Y, SCORES).notes()
    assert few[0].startswith("warning: only 2 abnormal flows")
    assert few[1].startswith("warning: only 3 normal flows")
    assert any("cannot be told from a guess" in note for note in few)
    many = np.arange(100), np.arange(100) >= 50
    assert metrics.evaluate_scores(many[1].astype(int), -many[0]).notes()[0].startswith("worse than a guess")
    perfect = metrics.evaluate_scores(many[1].astype(int), many[0])
    assert (perfect.auc, perfect.auc_low, perfect.auc_high) == (1, 1, 1)
    assert perfect.notes() == [
        "the scores divide the classes without a fault: resampling cannot tell what doubt is left"
    ]
    assert "all scores are equal" in metrics.evaluate_scores(Y, [0.0] * 5).notes()


def test_text_has_the_flows_behind_each_figure():
    lines = metrics.evaluate_scores(Y, SCORES, threshold=5.0).to_text().splitlines()
    text = {line[:20].strip(): line[20:] for line in lines}
    assert "3 normal, 2 abnormal" in text["flows"]
    assert text["AUC"].split()[0] == "0.750"
    assert "1,000 resamples; a guess has 0.5" in text["AUC"]
    assert "a guess has 0.400" in text["average precision"]
    assert "1 of these 2 are abnormal" in text["precision"]
    assert "1 of 2 abnormal flows are found" in text["recall"]
    assert "1 of 3 normal flows" in text["false positive rate"]


DEMO = {"pcap": "examples/data/demo.pcap", "labels": "examples/data/demo.csv"}


@pytest.fixture
def model():
    return netml.learn("examples/data/demo.pcap", families="STATS", detector="gmm")


@pytest.fixture(autouse=True)
def root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_evaluate_a_model(model):
    found = evaluation.evaluate(model, **DEMO)
    matrix = model.representation.transform(DEMO["pcap"])
    y = truth.label_tables(model.representation.read_tables([DEMO["pcap"]]), [DEMO["labels"]])
    plain = metrics.evaluate_scores(y, model.decision_function(matrix), model.threshold)
    assert (found.n_normal, found.n_abnormal, found.n_unlabelled) == (298, 368, 0)
    assert dataclasses.replace(found, remarks=()) == plain
    assert found.remarks == (
        "warning: demo.pcap was there in training: figures on flows that are known already flatter",
    )
    assert evaluation.evaluate(model, **DEMO, threshold=1e9).true_positives == 0


def test_captures_of_one_class(model, tmp_path):
    one = traffic.write_pcap(tmp_path / "one.pcap", traffic.many_flows(300))
    two = traffic.write_pcap(tmp_path / "two.pcap")
    found = evaluation.evaluate(model, pcap_normal=[one, two], pcap_abnormal=two)
    n_flows = [len(table) for table in model.representation.read_tables([one, two])]
    assert (found.n_normal, found.n_abnormal) == (sum(n_flows), n_flows[1])
    with pytest.raises(evaluation.EvaluationError, match="flows are all normal"):
        evaluation.evaluate(model, pcap_normal=one)
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(captures.pcap([]))
    with pytest.raises(evaluation.EvaluationError, match=r"no flows in empty\.pcap"):
        evaluation.evaluate(model, pcap_normal=empty)


def test_a_label_file_for_each_capture(model):
    with pytest.raises(OptionError, match=r"1 of them.*one for each of the 2 captures"):
        evaluation.evaluate(model, pcap=[DEMO["pcap"]] * 2, labels=DEMO["labels"])
    with pytest.raises(OptionError, match="pcap_normal and pcap_abnormal"):
        evaluation.evaluate(model)


def test_a_model_without_a_representation(model):
    bare = netml.FlowModel(model.detector)
    with pytest.raises(evaluation.EvaluationError, match="knows no representation"):
        evaluation.evaluate(bare, **DEMO)
    found = evaluation.evaluate(bare, **DEMO, representation=model.representation)
    assert found.auc == evaluation.evaluate(model, **DEMO).auc


HEADER = "src_ip,src_port,dst_ip,dst_port,protocol,label,start,end\n"


def test_labels_that_match_nothing(model, tmp_path):
    one = traffic.write_pcap(tmp_path / "one.pcap")
    (tmp_path / "other.csv").write_text(HEADER.replace(",start,end", "") + "10.9.9.9,1,10.0.0.2,53,udp,BENIGN\n")
    with pytest.raises(netml.UnmatchedLabelsError) as raised:
        evaluation.evaluate(model, pcap=one, labels=tmp_path / "other.csv")
    assert "none of the labels of " in str(raised.value)
    assert "csv (1) belongs to a flow of one.pcap (2): are the labels of this capture, and their columns" in str(
        raised.value
    )


def test_labels_of_another_time(model, tmp_path):
    one = traffic.write_pcap(tmp_path / "one.pcap")
    row = "10.0.0.1,5000,10.0.0.2,53,udp,BENIGN,2023-11-14T23:13:20,2023-11-14T23:13:21\n"
    labels = tmp_path / "late.csv"
    labels.write_text(HEADER + row)
    with pytest.raises(netml.UnmatchedLabelsError) as raised:
        truth.label_tables([netml.read_flows(one)], [read_labels(labels)])
    assert "labels have the addresses and ports of 1 flow, but not the times" in str(raised.value)
    assert "2023-11-14T23:13:20 to 2023-11-14T23:13:21, the capture's 2023-11-14T22:13:20" in str(raised.value)


def test_both_directions_are_one_connection():
    flows = netml.read_flows(DEMO["pcap"]).flows
    found = truth.connection_of(flows)
    plain = {}
    for number, (src_ip, dst_ip, src_port, dst_port, protocol) in zip(found, flows.five_tuples(), strict=True):
        ends = frozenset([(src_ip, src_port), (dst_ip, dst_port)])
        assert plain.setdefault((ends, protocol), number) == number
    assert len(plain) == len(set(found.tolist())) < len(flows)
