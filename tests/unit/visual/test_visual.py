"""Plots: that they are there, whole, the same each time, and that they say what they show."""

import builtins
import re
import struct
import xml.etree.ElementTree as xml
import zlib

import numpy as np
import pytest

from netml import visual
from netml.errors import MissingExtraError, OptionError, OutputError, UnknownNameError
from netml.evaluation.metrics import evaluate_scores
from netml.visual import _canvas
from netml.visual.matrix import _colour
from netml.visual.units import unit_of

RANDOM = np.random.default_rng(3)
Y = np.repeat([0, 1], (60, 20))
SCORES = RANDOM.normal(size=80) + Y
X = np.abs(RANDOM.normal(size=(80, 3))) + Y[:, None]
COLUMNS = ("iat_0", "size_0", "duration_s")
EVALUATION = evaluate_scores(Y, SCORES, 0.75)
STANDINGS = [
    visual.Standing("SIZE header, gmm", 0.9, "", 0.8, 0.7, 0.85),
    visual.Standing("IAT, ocsvm, log", 0.6, "", 0.65, 0.4, 0.8),
    visual.Standing("STATS, ae", None, "too many rows"),
]

PLOTS = {
    "curves": lambda path: visual.plot_curves(path, EVALUATION, title="my model"),
    "scores": lambda path: visual.plot_scores(path, Y, SCORES, 0.75),
    "evaluation": lambda path: visual.plot_evaluation(path, EVALUATION),
    "matrix": lambda path: visual.plot_matrix(path, X, COLUMNS, Y, SCORES),
    "features": lambda path: visual.plot_features(path, X, COLUMNS, Y),
    "leaderboard": lambda path: visual.plot_leaderboard(path, STANDINGS),
}
TEXTS = {
    "curves": ["my model", f"AUC {EVALUATION.auc:.3f} (95 %: ", "of 60 normal flows", "threshold 0.75", "precision"],
    "scores": ["normal (60 flows)", "abnormal (20 flows)", "threshold 0.75: ", "score (higher: more abnormal)"],
    "evaluation": ["ROC", "Precision and recall", "Scores", "threshold 0.75"],
    "matrix": ["80 flows x 3 features", *COLUMNS, "flows by class, then by score", "normal (60 flows)"],
    "features": [*COLUMNS, "bytes", "abnormal", "3 features", "% of class"],
    "leaderboard": [
        "SIZE header, gmm",
        "IAT, ocsvm, log",
        "too many rows",
        "validation AUC",
        "test AUC, 95 % interval",
    ],
}


def texts_of(path):
    """Every text in an SVG; a broken one does not parse."""
    tree = xml.parse(path)
    return ["".join(node.itertext()) for node in tree.iter("{http://www.w3.org/2000/svg}text")]


def read_png(path):
    """Width and height of a PNG of which every chunk is whole."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    offset, kinds = 8, []
    while offset < len(content):
        length, kind = struct.unpack_from(">I4s", content, offset)
        (checksum,) = struct.unpack_from(">I", content, offset + 8 + length)
        assert checksum == zlib.crc32(content[offset + 4 : offset + 8 + length])
        kinds.append(kind)
        offset += 12 + length
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")
    return struct.unpack_from(">II", content, 16)


@pytest.mark.parametrize("name", PLOTS)
def test_the_text_of_a_plot(name, tmp_path):
    path = tmp_path / "plot.svg"
    PLOTS[name](path)
    found = " | ".join(texts_of(path))
    assert [text for text in TEXTS[name] if text not in found] == []


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_plot_is_the_same_each_time(suffix, tmp_path):
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        PLOTS["scores"](path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_other_formats(tmp_path):
    PLOTS["leaderboard"](tmp_path / "plot.PNG")
    PLOTS["leaderboard"](tmp_path / "plot.pdf")
    assert min(read_png(tmp_path / "plot.PNG")) > 200
    assert (tmp_path / "plot.pdf").read_bytes()[:5] == b"%PDF-"


def test_settings_of_the_user_change_nothing(tmp_path):
    import matplotlib

    PLOTS["curves"](tmp_path / "plain.svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        PLOTS["curves"](tmp_path / "own.svg")
        assert matplotlib.rcParams["font.size"] == 30, "what the caller has set stays"
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "own.svg").read_bytes()


@pytest.mark.parametrize("name", ["plot.gif", "plot", "svg"])
def test_an_unknown_suffix(name, tmp_path):
    for draw in (visual.check_plot, PLOTS["scores"]):
        with pytest.raises(UnknownNameError, match=r"plot format .*known: \.png, \.svg, \.pdf"):
            draw(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    for draw in (visual.check_plot, PLOTS["scores"]):
        with pytest.raises(OutputError, match="no such folder"):
            draw(tmp_path / "none" / "plot.svg")


def test_without_matplotlib(tmp_path, monkeypatch):
    plain_import = builtins.__import__

    def refuse(name, *more, **named):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return plain_import(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for draw in (visual.check_plot, PLOTS["scores"]):
        with pytest.raises(MissingExtraError, match=r"a plot needs an optional package: pip install netml\[plot\]"):
            draw(tmp_path / "plot.png")
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_file(tmp_path):
    with pytest.raises(OptionError):
        visual.plot_leaderboard(tmp_path / "plot.svg", [])
    with pytest.raises(OptionError):
        visual.plot_matrix(tmp_path / "plot.svg", X, COLUMNS[:2])
    with pytest.raises(OptionError):
        visual.plot_features(tmp_path / "plot.svg", X, COLUMNS, Y[:5])
    with pytest.raises(OptionError):
        visual.plot_scores(tmp_path / "plot.svg", None, [1.0, np.nan])
    assert not list(tmp_path.iterdir())


EXTREMES = {
    "two rows": lambda path: visual.plot_evaluation(path, evaluate_scores([0, 1], [0.0, 1.0], 0.5)),
    "equal scores": lambda path: visual.plot_scores(path, [0, 1, -1], [3.0, 3.0, 3.0], 3.0),
    "no scores": lambda path: visual.plot_scores(path, [], []),
    "infinite scores": lambda path: visual.plot_scores(path, [0, 1, 1], [-5.0, 1.7e308, np.inf], -1.0),
    "one column": lambda path: visual.plot_matrix(path, [[1.0], [2.0]], ["iat_0"]),
    "no numbers": lambda path: visual.plot_matrix(path, [[np.nan, 1.0], [np.nan, np.inf]], ["a", "b"], log=True),
    "many columns": lambda path: visual.plot_matrix(path, np.zeros((3, 5000)), [f"c{i}" for i in range(5000)]),
    "one feature": lambda path: visual.plot_features(path, X[:, :1], COLUMNS[:1]),
    "odd features": lambda path: visual.plot_features(path, [[np.nan, 1e300], [np.inf, 0.0]], ["a", "b"], [0, 1]),
    "all failed": lambda path: visual.plot_leaderboard(path, STANDINGS[2:]),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(name, tmp_path):
    EXTREMES[name](tmp_path / "plot.svg")
    assert texts_of(tmp_path / "plot.svg")


def test_scores_far_off_do_not_hide_the_others(tmp_path):
    scores = np.concatenate([np.linspace(0, 10, 300), np.full(200, 1e9)])
    edges, linear_width = _canvas.spread_bins(scores, 50, core=scores[:300])
    assert linear_width is not None
    assert (np.histogram(scores[:300], edges)[0] > 0).sum() >= 3
    assert _canvas.spread_bins(scores[:300], 50)[1] is None
    visual.plot_scores(tmp_path / "plot.svg", np.repeat([0, 1], (300, 200)), scores)
    assert "109" in ["".join(text.split()) for text in texts_of(tmp_path / "plot.svg")], "ten to the ninth"


def test_powers_of_ten_are_not_written_over_the_0(tmp_path):
    scores = np.concatenate([np.linspace(-60, 20, 300), np.geomspace(60, 3e5, 200)])
    visual.plot_scores(tmp_path / "plot.svg", np.repeat([0, 1], (300, 200)), scores)
    found = ["".join(text.split()) for text in texts_of(tmp_path / "plot.svg")]
    assert {"0", "103", "105"} <= set(found)
    assert "101" not in found, "ten, a hair's breadth from the 0"


@pytest.mark.parametrize("values", [[3.0, 3.0], [0.0], [], [1e9, 1e9], [0.0, 0.0, 1e-3], [0.0, 1e29]])
def test_bins_have_a_width_and_hold_everything(values):
    edges, _ = _canvas.spread_bins(np.array(values), 10)
    assert (np.diff(edges) > 0).all()
    assert np.histogram(values, edges)[0].sum() == len(values)


def test_the_most_different_features_are_chosen(tmp_path):
    wide = RANDOM.normal(size=(80, 40))
    wide[:, 33] += 5 * Y
    names = [f"column_{i}" for i in range(40)]
    visual.plot_features(tmp_path / "plot.svg", wide, names, Y, most=5)
    found = texts_of(tmp_path / "plot.svg")
    assert "5 of 40 features, those in which the classes differ most" in found
    assert "column_33" in found
    assert sum(text.startswith("column_") for text in found) == 5


def test_a_long_leaderboard_says_what_is_left_out(tmp_path):
    visual.plot_leaderboard(tmp_path / "plot.svg", STANDINGS[:1] * 100)
    assert "Leaderboard (the first 80 of 100)" in texts_of(tmp_path / "plot.svg")


def test_rows_of_a_matrix_are_ordered_and_colours_robust():
    column = np.concatenate([np.arange(100.0), [1e9]])[:, None]
    image = _colour(column, log=False, by_column=True)
    assert image[-1] == image[99] == 1, "one value far off does not make all others dark"
    assert 0.4 < image[50] < 0.6
    both = np.hstack([column, column * 1e6])
    np.testing.assert_allclose(_colour(both, log=False, by_column=True)[:, :1], image)
    assert _colour(both, log=False, by_column=False)[50, 0] < 0.1


def test_units():
    from netml import families

    for name, family in families.FAMILIES.items():
        for column in family.columns(3, families.FamilyOptions(cic_extra=True)):
            is_size_statistic = re.match(r"size_[a-z]", column)
            assert unit_of(column) == unit_of(f"fft_{column}") != "", f"{name}: {column}"
            assert not is_size_statistic or unit_of(column) == "bytes"
    expected = {
        "us": ["Flow Duration", "Fwd IAT Total", " Idle Min", "Total Connection Flow Time"],
        "bytes": ["Total Length of Fwd Packet", "Fwd Bytes/Bulk Avg", "FWD Init Win Bytes", " min_seg_size_forward"],
        "packets": ["Total Fwd Packet", "FIN Flag Count", "Fwd Packet/Bulk Avg", "Fwd Act Data Pkts"],
        "bytes/s": ["Flow Bytes/s", "Bwd Avg Bulk Rate"],
        "packets/s": ["Flow Packets/s", "fft_Fwd Packets/s", "cic_2017_ Bwd Packets/s"],
        "bytes^2": ["Packet Length Variance"],
    }
    for unit, columns in expected.items():
        assert [unit_of(column) for column in columns] == [unit] * len(columns)
    assert (unit_of("ttl_3"), unit_of("syn"), unit_of("iat_size_iat_2")) == ("hops", "packets", "s")
