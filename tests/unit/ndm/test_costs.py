"""What training costs, and what is refused."""

import pytest

from netml import ndm
from netml.errors import TooManyRowsError, UnknownNameError
from netml.ndm import costs
from netml.ndm.costs import check_cost, estimate

GB = 10**9


def test_every_cost_has_an_exponent():
    assert {entry.cost for entry in ndm.DETECTORS.values()} <= set(costs.EXPONENTS)


def test_the_reference_is_what_was_measured():
    for name, line in ndm.DETECTORS.items():
        assert estimate(name, costs.REFERENCE_ROWS, costs.REFERENCE_FEATURES).seconds == pytest.approx(line.seconds)


@pytest.mark.parametrize(("name", "factor"), [("gmm", 10), ("lof", 100), ("kpca", 1000), ("ocsvm", 10**2.05)])
def test_growth_with_the_rows(name, factor):
    assert estimate(name, 50_000, 20).seconds / estimate(name, 5000, 20).seconds == pytest.approx(factor)


def test_growth_of_sorting():
    assert 10 < estimate("ecod", 50_000, 20).seconds / estimate("ecod", 5000, 20).seconds < 15


@pytest.mark.parametrize(("name", "factor"), [("gmm", 4), ("rod", 64)])
def test_growth_with_the_columns(name, factor):
    assert estimate(name, 5000, 80).seconds / estimate(name, 5000, 20).seconds == pytest.approx(factor)


def test_memory_of_pairs():
    assert estimate("sos", 10_000, 20).bytes == pytest.approx(3 * 8 * 10_000**2, rel=0.01)
    assert estimate("gmm", 10_000, 20).bytes == 2 * 8 * 10_000 * 20


def test_refused():
    with pytest.raises(TooManyRowsError) as caught:
        check_cost("ocsvm", 200_000, 20)
    text = str(caught.value)
    for part in ("ocsvm would need about", "minutes", "200,000 rows", "oc-nystroem, oc-kjl, ocsvm-sgd, ecod"):
        assert part in text
    for way in ("--max-train-rows N", "max_train_rows=N", "--force", "force=True"):
        assert way in text
    assert "\n" not in text


def test_not_refused():
    check_cost("OCSVM", 5000, 71)
    for name in costs.ALTERNATIVES.split(", "):
        check_cost(name, 1_000_000, 71)


def test_refused_for_its_memory(monkeypatch):
    monkeypatch.setattr(costs, "available_bytes", lambda: 4 * GB)
    check_cost("sos", 10_000, 20)  # 2.4 GB, 35 s
    monkeypatch.setattr(costs, "available_bytes", lambda: 3 * GB)
    with pytest.raises(TooManyRowsError, match=r"sos would need less than a minute and 2 GB of memory for 10,000 rows"):
        check_cost("sos", 10_000, 20)


def test_no_alternative_to_itself():
    with pytest.raises(TooManyRowsError, match="are oc-kjl, ocsvm-sgd, ecod"):
        check_cost("oc-nystroem", 10**9, 71)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(10, "less than a minute"), (80, "about 1 minute"), (3 * 3600, "about 3 hours"), (40 * 86400, "about 40 days")],
)
def test_durations(seconds, text):
    assert costs._duration(seconds) == text


def test_sizes():
    assert [costs._size(count) for count in (10, 5 * 10**8, 5 * GB, 5000 * GB)] == ["1 MB", "500 MB", "5 GB", "5 TB"]


def test_not_refused_where_the_memory_is_unknown(monkeypatch):
    monkeypatch.setattr(costs, "available_bytes", lambda: None)
    check_cost("sos", 10_000, 20)


def test_unknown_name():
    with pytest.raises(UnknownNameError):
        check_cost("svm", 10, 2)


def test_what_takes_long_is_described():
    assert costs.describe_long("ocsvm", 100_000, 19) == "ocsvm on 100,000 rows, some 9 minutes"
    assert costs.describe_long("ocsvm", 25_000, 19) == "ocsvm on 25,000 rows, some 30 seconds"
    assert costs.describe_long("ocsvm", 2_000, 19) == ""
