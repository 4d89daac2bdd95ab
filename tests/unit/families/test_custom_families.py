"""Families of one's own in Python: what may be registered, what a function may give, and every way to rows."""

import functools
import io
import pickle

import numpy as np
import pytest
import traffic
from _own import PAYLOADS, payloads, reference_payloads, register
from command import assert_one_line, invoke
from feature_rows import represent
from house import ROOT

import netml
from netml import _flowcore
from netml.errors import FamilyError, OptionError, UnknownNameError
from netml.families import custom, find_dim, find_family, lay_out, parse_families
from netml.features.options import RepresentationOptions
from netml.features.spec import complete_spec
from netml.flow.options import FlowOptions

BI = FlowOptions(definition="bi")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(custom, "REGISTERED", {})
    return custom.REGISTERED


@pytest.fixture
def demo():
    return ROOT / "examples" / "data" / "demo.pcap"


@pytest.fixture
def path(tmp_path):
    return traffic.write_pcap(tmp_path / "capture.pcap")


@pytest.fixture
def table(path):
    return netml.read_flows(path, flow=BI, columns=["caplen", "payload_bytes", "flags", "ttl"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "iat"}, "name='iat': must be none of netml's own: IAT, "),
        ({"name": "a b"}, "letters, digits"),
        ({"name": "1A"}, "a letter first"),
        ({"name": ""}, "letters, digits"),
        ({"name": None}, "letters, digits"),
        ({"name": "A,B"}, "letters, digits"),
        ({"name": "FFT-MINE"}, "without FFT in front"),
        ({"name": "fft_mine"}, "without FFT in front"),
        ({"columns": []}, "names, each once"),
        ({"columns": "a_s"}, "names, each once"),
        ({"columns": ["a", "a"]}, "names, each once"),
        ({"columns": ["a", " "]}, "names, each once"),
        ({"columns": ["a\n"]}, "names, each once"),
        ({"columns": ["a", 1]}, "names, each once"),
        ({"columns": 3}, "names, each once"),
        ({"packet_columns": ["payload"]}, "packet_columns=.*caplen, wirelen"),
        ({"packet_columns": "flags"}, "packet_columns='flags': must be a list"),
        ({"definition": "uni"}, "one of original, bi"),
        ({"function": 3}, "a function of the flow table"),
    ],
    ids=str,
)
def test_what_cannot_be_registered(registered, changes, reason):
    with pytest.raises(OptionError, match=reason):
        register(**changes)
    assert not registered


def test_a_name_is_one_functions():
    register("mine")

    def other(table):
        return payloads(table)

    with pytest.raises(OptionError, match=r"another one: _own\.payloads has it"):
        register("MINE", other)
    assert find_family("MINE").function is payloads


def test_the_same_function_again_takes_its_place():
    functions = []
    for factor in (1, 2):  # a notebook's cell that is run twice

        def mine(table, factor=factor):
            return factor * np.ones((len(table), 2))

        functions.append(register(function=mine))
    assert find_family("PAYLOADS").function is functions[1]


@pytest.mark.parametrize(
    "flow", [None, FlowOptions(definition="uni"), FlowOptions(definition="original", interval=5.0, keep_tail=True)]
)
def test_biflows_always_have_their_directions(demo, flow):
    def forth(table):
        return np.add.reduceat(table.is_forward, table.offsets[:-1], dtype=np.int64)

    register("FORTH", forth, columns=["forth"], packet_columns=(), definition="bi")
    rows = netml.extract(demo, "FORTH", flow=flow).X
    if flow is None:
        biflows = netml.extract(demo, "FLOW")
        np.testing.assert_array_equal(rows[:, 0], biflows.X[:, biflows.columns.index("fwd_packets")])
        assert rows.sum() == netml.FlowRepresentation("FORTH").fit_transform(demo).X.sum()
    assert 0 < rows.sum() == sum(part.X.sum() for part in netml.extract_batches(demo, "FORTH", flow=flow))


def test_a_family_of_biflows_that_asks_for_nothing_takes_any_table(demo):
    register("NUMBERS", lambda table: table.lengths, columns=["n"], packet_columns=(), definition="bi")
    assert netml.FlowRepresentation("NUMBERS").fit_transform(netml.read_flows(demo)).shape == (666, 1)


def test_a_callable_without_a_name_will_do(table):
    register(function=functools.partial(payloads))
    np.testing.assert_array_equal(represent(table, RepresentationOptions("PAYLOADS")).X, reference_payloads(table))


def test_what_is_registered():
    assert register("my-family_2", definition="bi") is payloads
    found = find_family("MY-FAMILY_2")
    assert found.description == "Largest payload, packets with one."
    assert (found.packet_columns, found.definition, found.has_state) == (("payload_bytes",), "bi", False)
    assert RepresentationOptions("My-Family_2").packet_columns == ("caplen", "payload_bytes", "is_forward")
    assert RepresentationOptions(("IAT", "my-family_2")).definition == "bi"
    assert parse_families("FFT-my-family_2").is_fft
    register("OTHER", description="in\n two lines")
    assert find_family("OTHER").description == "in two lines"


def test_packet_columns_are_those_of_the_kernel():
    assert sorted(custom.PACKET_COLUMNS) == sorted(_flowcore.COLUMNS)


def test_an_unknown_name_lists_what_is_registered():
    register("MINE")
    with pytest.raises(UnknownNameError, match=r"unknown family 'mien'; known: IAT, .*TCP.*, MINE"):
        parse_families("mien")


def test_columns_by_dim(table):
    @netml.register_family("SIZES", columns=lambda dim: (f"mine_{i}_bytes" for i in range(dim)))
    def sizes(table, dim):
        X = np.zeros((len(table), dim))
        for X_row, flow in zip(X, table, strict=True):
            X_row[: len(flow)] = flow.size[:dim]
        return X

    matrix = represent(table, RepresentationOptions(("SIZES", "SIZE"), dim=3, header=True))
    assert matrix.columns[-6:] == ("mine_0_bytes", "mine_1_bytes", "mine_2_bytes", "size_0", "size_1", "size_2")
    np.testing.assert_array_equal(matrix.X[:, -6:-3], matrix.X[:, -3:])
    assert find_dim(parse_families("SIZES"), 7, header=False) == 7
    with pytest.raises(OptionError, match="dim"):
        complete_spec(RepresentationOptions("SIZES"), BI, None)
    register()
    assert complete_spec(RepresentationOptions("PAYLOADS"), BI, None).options.dim is None


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (lambda dim: ["a"] * dim, r"columns\(3\) must give names, each once"),
        (lambda dim: None, r"columns\(3\) must give names, each once"),
        (
            lambda dim: 1 / 0,
            r"columns\(3\) fails: ZeroDivisionError: division by zero \(.*test_custom_families\.py, line ",
        ),
    ],
)
def test_columns_by_dim_that_are_none(columns, reason):
    register(columns=columns)
    with pytest.raises(FamilyError, match=f"family PAYLOADS: {reason}"):
        lay_out(parse_families("PAYLOADS"), 3, header=False)


def test_columns_of_another_family_get_a_prefix():
    register("MY-STATS", columns=["packets", "size_0"])
    columns = lay_out(parse_families("STATS,MY-STATS"), 3, header=False)[1]
    assert columns[-2:] == ("my_stats_packets", "my_stats_size_0")


@pytest.mark.parametrize(
    ("give", "reason"),
    [
        (lambda table: np.zeros((len(table), 4)), r"gives an array of shape \(2, 4\): must be \(2, 3\)"),
        (lambda table: np.zeros((3, len(table))), r"gives an array of shape \(3, 2\): must be \(2, 3\)"),
        (lambda table: table.lengths, r"gives an array of shape \(2,\): must be \(2, 3\)"),
        (lambda table: 1.0, r"gives an array of shape \(\)"),
        (lambda table: None, "gives NoneType, no numbers"),
        (lambda table: np.full((len(table), 2), "a"), "gives an array of <U1, no numbers"),
        (lambda table: np.zeros((len(table), 2), complex), "gives an array of complex128, no numbers"),
        (lambda table: [[1, 2], [3]], "ValueError: .*inhomogeneous"),
        (lambda table: table.size + None, r"TypeError: .* \(.*test_custom_families\.py, line \d+\)$"),
        (lambda table: np.take(table.size, 10**9), r"IndexError: .* \(.*test_custom_families\.py, line \d+\)$"),
        (lambda table: table.window, "its function needs the packet column 'window': name it in packet_columns="),
        (lambda table, dim: table.size, r"TypeError: .* missing 1 required positional argument: 'dim'"),
    ],
)
def test_what_is_no_rows(table, give, reason):
    register(function=give, columns=["a", "b", "c"])
    assert len(table) == 2
    with pytest.raises(FamilyError, match=f"^family PAYLOADS: {reason}"):
        represent(table, RepresentationOptions("PAYLOADS"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_must_be_finite(table, value):
    def mine(table):
        X = np.zeros((len(table), 2), np.float32)
        X[1, 1] = value
        return X

    register(function=mine)
    src_ip, dst_ip, src_port, dst_port, protocol = table.flows.five_tuples()[1]
    who = f"{src_ip} {src_port} > {dst_ip} {dst_port} ({protocol})"
    with pytest.raises(FamilyError) as caught:
        represent(table, RepresentationOptions("PAYLOADS"))
    assert str(caught.value) == f"family PAYLOADS: gives {value} in column 1 of flow 1, {who}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("error", [MemoryError("too much"), OptionError("mine", 1, "2"), KeyboardInterrupt()])
def test_errors_that_go_through(table, error):
    def mine(table):
        raise error

    register(function=mine)
    with pytest.raises(type(error)) as caught:
        represent(table, RepresentationOptions("PAYLOADS"))
    assert caught.value is error


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.longdouble, list])
def test_one_column_of_any_number(table, kind):
    def mine(table):
        flags = table.lengths % 2
        return flags.tolist() if kind is list else flags.astype(kind)

    register(function=mine, columns=["is_odd"])
    matrix = represent(table, RepresentationOptions("PAYLOADS"))
    assert matrix.X.dtype == np.float64
    np.testing.assert_array_equal(matrix.X, table.lengths[:, np.newaxis] % 2)


def test_a_table_without_the_packet_column(path):
    register()
    with pytest.raises(FamilyError, match=r"family PAYLOADS: needs packet columns .*: payload_bytes"):
        represent(netml.read_flows(path), RepresentationOptions("PAYLOADS"))


def test_no_flows_no_call(tmp_path):
    register(function=lambda table: 1 / 0)
    empty = traffic.write_pcap(tmp_path / "empty.pcap", [])
    assert netml.extract(empty, "PAYLOADS").shape == (0, 2)
    batches = netml.extract_batches(empty, "PAYLOADS", flow=BI)
    assert batches.no_rows().columns == PAYLOADS
    assert not list(batches)


def rows_of(matrix):
    """Rows by flow: five-tuple and start."""
    starts = matrix.flows.start_ns.tolist()
    return dict(zip(zip(matrix.flows.five_tuples(), starts, strict=True), matrix.X.tolist(), strict=True))


@pytest.mark.parametrize("flow", [FlowOptions(interval=0.5, keep_tail=True), BI], ids=["original", "bi"])
@pytest.mark.parametrize("more", [{}, {"fft": True}, {"header": True}, {"max_packets": 2}], ids=str)
def test_every_way_gives_the_same(path, demo, flow, more):
    register()
    for source in (path, demo):
        chosen = {"flow": flow, "dim": 4, **more}
        matrix = netml.extract(source, ["PAYLOADS", "IAT"], **chosen)
        for max_memory in (2_000, 50_000) if flow is not BI else ():  # biflows do not wait in a file
            spilled = netml.extract(source, ["PAYLOADS", "IAT"], max_memory=max_memory, **chosen)
            np.testing.assert_array_equal(spilled.X, matrix.X)
        batches = list(netml.extract_batches(source, ["PAYLOADS", "IAT"], batch_rows=100, **chosen))
        assert {flow: row for batch in batches for flow, row in rows_of(batch).items()} == rows_of(matrix)
        learned = netml.FlowRepresentation(["PAYLOADS", "IAT"], **chosen).fit(source)
        np.testing.assert_array_equal(learned.transform(source), matrix.X)
        assert tuple(learned.get_feature_names_out()) == matrix.columns


def test_rows_are_right(demo):
    register(definition="bi")
    matrix = netml.extract(demo, ["FLOW", "PAYLOADS"])
    table = netml.read_flows(demo, flow=BI, columns=["payload_bytes"])
    np.testing.assert_array_equal(matrix.X[:, -2:], reference_payloads(table))
    beside = netml.extract(io.BytesIO(demo.read_bytes()), "FLOW")
    np.testing.assert_array_equal(matrix.X[:, :-2], beside.X)


def test_cross_validation(demo):
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeClassifier

    register()
    table = netml.read_flows(demo, columns=["payload_bytes"])
    y = (reference_payloads(table)[:, 0] > 0).astype(int)
    pipeline = make_pipeline(netml.FlowRepresentation("PAYLOADS"), DecisionTreeClassifier(random_state=0))
    assert cross_val_score(pipeline, table, y, cv=3).min() == 1.0


def test_a_comparison_takes_it():
    from netml.comparison.study import Study

    register()
    study = Study(families=["PAYLOADS", "payloads,IAT"], header="no")
    assert [options.request.names for options in study.representations] == [("PAYLOADS",), ("PAYLOADS", "IAT")]


@pytest.mark.parametrize("name", ["PAYLOADS", "TCP"])
def test_a_comparison_reads_what_families_need(demo, name):
    from netml.comparison import compare_flows, read_captures
    from netml.comparison.study import Study

    register(definition="bi")
    study = Study(families=["STATS", name], header="no", detectors=["ecod"])
    tables = read_captures([demo], [None], study)
    expected = netml.read_flows(demo, flow=BI)
    np.testing.assert_array_equal(tables[0].keys, expected.keys)
    y = np.arange(len(expected)) % 5 == 0
    assert {entry.representation for entry in compare_flows(tables, y.astype(int), study).entries} == {"STATS", name}


def test_a_comparison_takes_no_bits():
    from netml.comparison.study import Study

    with pytest.raises(OptionError, match="families='NPRINT': must be families of numbers"):
        Study(families=["NPRINT"])


def test_files_keep_the_columns(path, tmp_path):
    register()
    matrix = netml.extract(path, ["PAYLOADS", "STATS"])
    for suffix in (".npz", ".csv", ".parquet", ".arrow"):
        matrix.save(tmp_path / f"features{suffix}")
        again = netml.FeatureMatrix.load(tmp_path / f"features{suffix}")
        assert again.columns == matrix.columns
        np.testing.assert_array_equal(again.X, matrix.X)


def test_a_model_names_the_family_and_has_no_code(demo, tmp_path, registered):
    register()
    model = tmp_path / "model.netml"
    netml.learn(demo, families="PAYLOADS", detector="ecod").save(model)
    verdicts = netml.load_model(model).classify(demo)
    assert len(verdicts) == len(netml.extract(demo, "PAYLOADS"))
    assert len(list(netml.extract_batches(demo, like=model))) == 1
    registered.clear()
    with pytest.raises(ValueError, match=r"model\.netml: .* family that is missing: PAYLOADS, which is not registered"):
        netml.load_model(model)
    with pytest.raises(ValueError, match=r"model\.netml: holds no representation .* unknown family 'PAYLOADS'"):
        netml.extract_batches(demo, like=model)


def test_a_model_of_other_columns_judges_nothing(demo, tmp_path, registered):
    register()
    model = tmp_path / "model.netml"
    netml.learn(demo, families="PAYLOADS", detector="ecod").save(model)
    registered.clear()
    register(columns=["other", "columns"])
    said = r"X='columns other \.\. columns \(2\)': must be the columns of the training: \w+ \.\. \w+ \(2\)"
    with pytest.raises(OptionError, match=said):
        netml.load_model(model).classify(demo)
    assert_one_line(
        invoke("classify", "-m", model, demo), 2, "netml: the features, columns other .. columns (2): must be"
    )
