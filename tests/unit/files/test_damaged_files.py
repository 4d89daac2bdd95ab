"""Files of strangers, whatever is wrong with them: one of netml's own errors, and never a reader's own."""

import json
import pickle
import random
import struct

import numpy as np
import pytest
import traffic
from command import assert_one_line, run_netml

import netml
from netml.errors import DamagedFileError, NetmlError
from netml.features.spec import read_spec
from netml.features.table_layout import SUFFIXES
from netml.labels.reader import read_labels
from netml.utils.tool import load_data

N_MUTATIONS = 60
READERS = {
    "matrix.npz": netml.FeatureMatrix.load,
    "packed.npz": netml.FeatureMatrix.load,
    "matrix.npy": netml.FeatureMatrix.load,
    "matrix.csv": netml.FeatureMatrix.load,
    "matrix.parquet": netml.FeatureMatrix.load,
    "matrix.arrow": netml.FeatureMatrix.load,
    "matrix.dat": load_data,
    "table.npz": netml.FlowTable.load,
    "table.parquet": netml.FlowTable.load,
    "model.netml": netml.load_model,
    "manifest.netml": read_spec,
    "model.dat": netml.load_model,
    "labels.csv": read_labels,
}
ODD = (None, True, -1, 1e308, float("nan"), 2**70, 10**400, "x", "nan", [], [1], {}, {"a": 1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One small file of each kind."""
    pytest.importorskip("pyarrow")
    place = tmp_path_factory.mktemp("whole")
    capture = traffic.write_pcap(place / "capture.pcap", traffic.many_flows())
    table = netml.read_flows(capture)
    matrix = netml.extract(capture, ["IAT", "TCP"], dim=3)
    for suffix in SUFFIXES:
        matrix.save(place / f"matrix{suffix}")
    netml.extract(capture, "IAT").save(place / "seed.npz")
    with np.load(place / "matrix.npz") as arrays:
        np.savez_compressed(place / "packed.npz", **arrays)
    for suffix in (".npz", ".parquet"):
        table.save(place / f"table{suffix}")
    model = netml.learn(capture, families="SIZE", detector="ecod")
    for name in ("model.netml", "manifest.netml", "model.dat"):
        model.save(place / name)
    rows = [",".join(map(str, (*key, "BAD", 1.5, 2.5))) for key in table.flows.five_tuples()]
    header = "src_ip,dst_ip,src_port,dst_port,protocol,label,start,end"
    (place / "labels.csv").write_text("\n".join([header, *rows]))
    return place


def said_of(path, read):
    """What netml says of the file, "" if nothing. Any other error is an error."""
    try:
        read(path)
    except NetmlError as error:
        return str(error)
    except MemoryError:
        pass  # a size that a file names is asked of the system, which says what it says
    return ""


def mutate(content, chosen):
    """Change a few octets, more often where headers and footers are; cut some."""
    made = bytearray(content)
    for _ in range(chosen.choice([1, 2, 6])):
        places = (chosen.randrange(len(made)), chosen.randrange(min(len(made), 400)), -1 - chosen.randrange(400))
        made[chosen.choice(places) % len(made)] = chosen.randrange(256)
    return made[: chosen.randrange(len(made))] if chosen.random() < 0.2 else made


def mutate_json(value, chosen):
    """Put something odd into it, or leave something out."""
    if isinstance(value, dict) and value and chosen.random() < 0.8:
        name, made = chosen.choice(sorted(value)), dict(value)
        if chosen.random() < 0.2:
            del made[name]
        else:
            made[name] = mutate_json(made[name], chosen)
        return made
    if isinstance(value, list) and value and chosen.random() < 0.7:
        place = chosen.randrange(len(value))
        return [*value[:place], mutate_json(value[place], chosen), *value[place + 1 :]]
    return chosen.choice(ODD)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")
def test_octets_changed_at_random(tmp_path, folder, name):
    chosen = random.Random(f"octets of {name}")
    content, path = (folder / name).read_bytes(), tmp_path / name
    said = set()
    for _ in range(N_MUTATIONS):
        path.write_bytes(mutate(content, chosen))
        said.add(said_of(path, READERS[name]))
    said.discard("")
    assert said, "not one of them was damaged enough"
    assert all(name in text for text in said)


@pytest.mark.parametrize("read", [netml.FeatureMatrix.load, read_spec, netml.FlowTable.load])
def test_metadata_changed_at_random(tmp_path, folder, read):
    kind, path = "table" if read == netml.FlowTable.load else "matrix", tmp_path / "changed.npz"
    chosen = random.Random(f"metadata of {read.__qualname__}")
    with np.load(folder / f"{kind}.npz") as stored:
        arrays = dict(stored)
    metadata = json.loads(str(arrays["metadata"]))
    for _ in range(4 * N_MUTATIONS):
        arrays["metadata"] = np.array(json.dumps(mutate_json(metadata, chosen)))
        np.savez(path, **arrays)
        said = said_of(path, read)
        assert said == "" or "changed.npz: " in said


@pytest.mark.parametrize("change", [3, {"representation": [1]}, {"interval_s": "x"}, {"flow": [1]}])
def test_representations_that_are_none(tmp_path, folder, change):
    with np.load(folder / "seed.npz") as stored:
        arrays = dict(stored)
    metadata = change if change == 3 else json.loads(str(arrays["metadata"])) | change
    np.savez(tmp_path / "odd.npz", **arrays | {"metadata": np.array(json.dumps(metadata))})
    run = run_netml("extract", folder / "capture.pcap", "--like", tmp_path / "odd.npz", "-o", tmp_path / "out.csv")
    assert_one_line(run, 1, f"netml: {tmp_path / 'odd.npz'}: ")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["matrix.npz", "table.npz", "model.netml"])
def test_a_compression_that_nobody_knows(tmp_path, folder, name):
    content = bytearray((folder / name).read_bytes())
    # The method stands at 10 of each member's line in the directory, and zipfile goes by that.
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 10 : place + 12] = struct.pack("<H", 99)
        place = content.find(b"PK\x01\x02", place + 4)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedFileError, match=name):
        READERS[name](tmp_path / name)
    if name != "table.npz":
        with pytest.raises(DamagedFileError, match=name):
            read_spec(tmp_path / name)


def test_a_damaged_deflate_stream(tmp_path, folder):
    content = bytearray((folder / "packed.npz").read_bytes())
    start = content.index(b"X.npy") + 60
    content[start : start + 40] = (octet ^ 0x5A for octet in content[start : start + 40])
    (tmp_path / "packed.npz").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"packed\.npz: not an \.npz file, or a damaged one"):
        netml.FeatureMatrix.load(tmp_path / "packed.npz")


@pytest.mark.parametrize("name", ["matrix.parquet", "matrix.arrow", "table.parquet"])
def test_every_octet_of_a_footer(tmp_path, folder, name):
    """What pyarrow says of it is an OSError, an ArrowException or a ValueError."""
    content, path = (folder / name).read_bytes(), tmp_path / name
    for place in range(-300, 0, 3):
        path.write_bytes(bytes([*content[:place], content[place] ^ 0xFF, *content[len(content) + place + 1 :]]))
        said = said_of(path, READERS[name])
        assert said == "" or f"{name}: " in said


@pytest.mark.parametrize("column", ["src_ip", "label"])
def test_offsets_that_lead_out_of_the_file(tmp_path, folder, column):
    """Pyarrow follows them, and the process would end with a segmentation fault."""
    pyarrow = pytest.importorskip("pyarrow")
    table = netml.FeatureMatrix.load(folder / "matrix.npz").to_arrow()
    offsets = np.arange(len(table) + 1, dtype=np.int32)
    offsets[1] = 1 << 30
    texts = pyarrow.StringArray.from_buffers(
        len(table), pyarrow.py_buffer(offsets), pyarrow.py_buffer(b"x" * len(table))
    )
    if column in table.column_names:
        table = table.set_column(table.column_names.index(column), column, texts)
    else:
        table = table.append_column(column, texts)
    with pyarrow.ipc.new_file(tmp_path / "odd.arrow", table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DamagedFileError, match=r"odd\.arrow: "):
        netml.FeatureMatrix.load(tmp_path / "odd.arrow")


def test_a_pickled_model_without_its_parts(tmp_path, folder):
    model = netml.load_model(folder / "model.netml")
    del model.__dict__["versions"]
    (tmp_path / "model.dat").write_bytes(pickle.dumps(model))
    with pytest.raises(DamagedFileError, match=r"model\.dat: holds a model that lacks a part of it"):
        netml.load_model(tmp_path / "model.dat")


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".arrow", ".csv", ".npy", ".dat"])
def test_a_file_that_is_not_there_is_not_damaged(tmp_path, suffix):
    pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError):
        netml.FeatureMatrix.load(tmp_path / f"none{suffix}")
