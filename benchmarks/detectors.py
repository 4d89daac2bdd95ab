"""Detectors: what training costs, and the ones for millions of flows against the exact OCSVM.

    python benchmarks/detectors.py costs  [--only NAME ...]        what netml/ndm/costs.py rests on
    python benchmarks/detectors.py large                           fit, predict, size at 20,000 training flows
    python benchmarks/detectors.py kde                             the density by numpy against scikit-learn's tree
    python benchmarks/detectors.py judging                         `netml classify` beside `import numpy`
    python benchmarks/detectors.py auc ../shared/captures          AUC on flows of real captures
    ... --json RESULTS.json                                        adds to (or makes) a file of results

Times are processor times of one process with one thread (OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1), so that other work
on the machine disturbs them little.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from netml import ndm
from netml.models.flow_model import FlowModel

EXACT, LARGE = "ocsvm", ("oc-nystroem", "oc-kjl", "ocsvm-sgd")
N_FEATURES = 20
# Rows for the costs; fewer where 8,000 would take minutes.
ROWS = (2000, 4000, 8000)
FEWER_ROWS = {
    "cof": (500, 1000, 2000), "kpca": (500, 1000, 2000), "sos": (500, 1000, 2000), "lmdd": (250, 500, 1000),
    "loci": (50, 100, 200), "rgraph": (50, 100, 200), "rod": (250, 500, 1000), "sod": (250, 500, 1000),
    "lscp": (500, 1000, 2000),
}  # fmt: skip
MAX_SECONDS = 60
# The defaults of oc-nystroem and oc-kjl were chosen on the first six; the others were looked at once, afterwards.
CHOSEN_ON = ("gnutella", "alexa-app", "1kxun", "webex", "port 53", "UDP but port 53")
CAPTURE_SETS = (*CHOSEN_ON[:4], "netml-iot-anomaly", "netml-demo", "ipsec_isakmp_esp", "fuzz-2006-06-26-2594", "waze")
PORT_SETS = ("port 53", "UDP but port 53", "port 443", "port 80")
FAMILIES = ("IAT", "SIZE", "STATS")
SCALES = ("none", "standard", "log")
SEEDS = (0, 1)
SIX = ("kde", "gmm", "if", "pca", "ae", "ecod", "knn")


def make_flows(n_rows, n_features=N_FEATURES, seed=0):
    """Rows around eight centres of unequal weight, with tails, as flows of different applications are."""
    shape = np.random.default_rng(1)
    centres, widths = shape.normal(0, 2, (8, n_features)), shape.uniform(0.1, 1, (8, n_features))
    random = np.random.default_rng(seed)
    kinds = random.choice(8, n_rows, p=[0.5, 0.25, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01])
    return centres[kinds] + random.standard_t(4, (n_rows, n_features)) * widths[kinds]


def timed(call):
    start_s = time.process_time()
    result = call()
    return result, time.process_time() - start_s


def measure_costs(names):
    """Processor seconds of training, and how they grow; bytes of memory that it adds to the largest so far."""
    found = {}
    for name in names:
        try:
            ndm.make_detector(name).fit(make_flows(50))  # compiles what is compiled at the first call
            runs = []
            for n_rows in FEWER_ROWS.get(name, ROWS):
                X = make_flows(n_rows)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                _, seconds = timed(lambda name=name, X=X: ndm.make_detector(name).fit(X))
                added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024
                runs.append({"rows": n_rows, "seconds": round(seconds, 4), "bytes_added": added})
                if seconds > MAX_SECONDS:
                    break
        except (ImportError, ValueError) as error:
            print(f"{name:16s} {error}")
            continue
        logs = np.log([[run["rows"], max(run["seconds"], 1e-4)] for run in runs])
        exponent = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]) if len(runs) > 1 else None
        found[name] = {"runs": runs, "exponent": exponent and round(exponent, 2)}
        texts = "  ".join(f"{run['rows']}: {run['seconds']:.3f} s" for run in runs)
        print(f"{name:16s} {ndm.DETECTORS[name].cost:10s} exponent {exponent or 0:.2f}   {texts}", flush=True)
    return found


def model_size(detector):
    """Bytes of the model file."""
    with tempfile.NamedTemporaryFile(suffix=".netml") as file:
        FlowModel(detector).save(file.name)
        return os.path.getsize(file.name)


def measure_kde(n_train=20_000, n_test=400, n_features=N_FEATURES):
    """Nanoseconds for each pair of rows, of netml's KDE and of the tree behind it until now."""
    from sklearn.neighbors import KernelDensity

    random = np.random.default_rng(0)
    normal = random.normal(size=(n_train, n_features))
    flows = np.round(np.exp(2 * normal) * 10)
    flows[::3], flows[1::4] = flows[0], flows[1]  # more than half of the flows of a capture may be equal
    apart = normal + 1e4 * (np.arange(n_train) % 2)[:, None]
    found = {}
    for name, rows in (("normal", normal), ("flows", flows), ("two clusters", apart)):
        new = rows[:n_test] + 0.01 * (np.arange(n_test) % 2)[:, None]
        for kernel in ("gaussian", "exponential", "epanechnikov"):
            tree = KernelDensity(kernel=kernel).fit(rows)
            detector = ndm.make_detector("kde", {"kernel": kernel})
            detector._take_model(tree)
            times = [min(timed(lambda score=score, new=new: score(new))[1] for _ in range(3))
                     for score in (tree.score_samples, detector.decision_function)]  # fmt: skip
            tree_ns, numpy_ns = (taken_s * 1e9 / n_train / n_test for taken_s in times)
            found[f"{name}, {kernel}"] = {"tree_ns": round(tree_ns, 1), "numpy_ns": round(numpy_ns, 1)}
            print(f"{name:12s} {kernel:12s} tree {tree_ns:6.1f} ns a pair, numpy {numpy_ns:6.1f}", flush=True)
    return found


def measure_judging(repeat=9):
    """Processor time of `netml classify` on the demo capture, beside that of `import numpy` in the same run."""
    demo = Path(__file__).parents[1] / "examples/data/demo.pcap"
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("gmm", "pca", "kde", "ae", *LARGE, "ecod", "copod", EXACT):
            model = Path(folder) / f"{name}.netml"
            learn = [
                sys.executable,
                "-m",
                "netml",
                "learn",
                "-p",
                demo,
                "-o",
                model,
                "-d",
                name,
                "--scale",
                "log",
                "-q",
            ]
            subprocess.run(learn, check=True)
            classify = [sys.executable, "-m", "netml", "classify", "-m", model, demo, "-q"]
            pairs = [(processor_s(sys.executable, "-c", "import numpy"), processor_s(*classify)) for _ in range(repeat)]
            numpy_s, classify_s = (float(np.median(times)) for times in zip(*pairs, strict=True))
            found[name] = {"import_numpy_s": round(numpy_s, 3), "classify_s": round(classify_s, 3)}
            print(
                f"{name:12s} {classify_s:.3f} s, import numpy {numpy_s:.3f} s: {classify_s / numpy_s:.1f} x", flush=True
            )
    return found


def processor_s(*command):
    """Processor time of a command, s."""
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return usage.ru_utime + usage.ru_stime


def measure_large(n_train=20_000, n_test=10_000):
    """Fit, predict and size at 20,000 training flows, for several widths."""
    import sklearn.mixture  # noqa: F401  # loading it is no part of the first fit

    found = {}
    for n_features in (12, N_FEATURES, 71):
        X, X_test = make_flows(n_train, n_features), make_flows(n_test, n_features, seed=1)
        for name in (EXACT, *LARGE, "ecod", "gmm"):
            detector, fit_s = timed(lambda name=name, X=X: ndm.make_detector(name).fit(X))
            predict_s = min(timed(lambda d=detector, X_test=X_test: d.predict(X_test))[1] for _ in range(3))
            found[f"{name} x{n_features}"] = line = {
                "fit_s": round(fit_s, 3), "predict_us_per_flow": round(predict_s / n_test * 1e6, 2),
                "bytes": model_size(detector),
            }  # fmt: skip
            exact = found[f"{EXACT} x{n_features}"]
            faster = exact["predict_us_per_flow"] / line["predict_us_per_flow"]
            print(
                f"{name:12s} {n_features} columns  fit {fit_s:7.2f} s   "
                f"predict {line['predict_us_per_flow']:8.2f} us a flow, "
                f"{faster:6.1f} x as fast   {line['bytes']:,} bytes, 1/{exact['bytes'] / line['bytes']:.1f}",
                flush=True,
            )
    return found


def read_sets(folder):
    """Flows of all captures: (capture, ports, protocol, packets), and matrices by (dim, family, header)."""
    import netml

    flows, kept = [], []
    for path in sorted(Path(folder).glob("*.pcap*")):
        try:
            matrix = netml.extract(path, "STATS")
        except netml.CaptureError:
            continue
        if len(matrix):
            kept.append(path)
            packets = matrix.X[:, list(matrix.columns).index("packets")]
            flows += [
                (path.stem, source, target, protocol, count)
                for (_, _, source, target, protocol), count in zip(matrix.flows.five_tuples(), packets, strict=True)
            ]
    matrices = {
        (dim, family, header): np.vstack([netml.extract(path, family, header=header, dim=dim).X for path in kept])
        for dim in (10, 20, 40)
        for family in FAMILIES
        for header in (False, True)
    }
    return flows, matrices


def members(flows):
    """Which flows are the normal ones, for each set: those of one capture, or of one port."""
    captures, sources, targets, protocols, _ = (np.array(column) for column in zip(*flows, strict=True))
    on = {port: (sources == port) | (targets == port) for port in (53, 443, 80)}
    return {
        **{name: captures == name for name in CAPTURE_SETS},
        "port 53": on[53],
        "UDP but port 53": (protocols == 17) & ~on[53],
        "port 443": on[443],
        "port 80": on[80],
    }


def measure_auc(folder):
    """Mean AUC: trained on 70 % of one kind of flows, tested on the rest of them and as many others."""
    from sklearn.metrics import roc_auc_score

    from netml.ndm.scaling import make_scaler

    flows, matrices = read_sets(folder)
    packets = np.array([flow[-1] for flow in flows])
    names = (EXACT, *LARGE, *SIX)
    found = {}
    for set_name, is_normal in members(flows).items():
        many = np.quantile(packets[is_normal], 0.9)
        dim = 10 if many < 15 else 20 if many < 30 else 40
        for family in FAMILIES:
            for header in (False, True):
                X = matrices[dim, family, header]
                for scale in SCALES:
                    for seed in SEEDS:
                        random = np.random.default_rng(seed)
                        normal = random.permutation(np.flatnonzero(is_normal))
                        others = random.permutation(np.flatnonzero(~is_normal))
                        n_train = int(len(normal) * 0.7)
                        n_test = len(normal) - n_train
                        test = np.concatenate([normal[n_train:], others[: max(n_test, 50)]])
                        y = np.arange(len(test)) >= n_test
                        X_train, X_test = X[normal[:n_train]], X[test]
                        if scaler := make_scaler(scale):
                            X_train = scaler.fit_transform(X_train)
                            X_test = scaler.transform(X_test)
                        key = f"{set_name}|{family}|{'header' if header else 'plain'}|{scale}|{seed}"
                        found[key] = {}
                        for name in names:
                            detector = ndm.make_detector(name, random_state=seed).fit(X_train)
                            found[key][name] = round(float(roc_auc_score(y, detector.decision_function(X_test))), 4)
    report_auc(found, names)
    return found


def report_auc(found, names):
    for title, chosen in (("sets that the defaults were chosen on", True), ("the other sets", False)):
        mine = {key: aucs for key, aucs in found.items() if (key.split("|")[0] in CHOSEN_ON) == chosen}
        print(f"{title}: {', '.join(sorted({key.split('|')[0] for key in mine}))}; {len(mine)} runs")
        print(
            f"  {'':12s} {'mean':>6s} {'to exact':>9s}"
            + "".join(f"{part:>10s}" for part in (*SCALES, *FAMILIES, "plain", "header"))
        )
        for name in names:
            mean = np.mean([aucs[name] for aucs in mine.values()])
            gain = np.mean([aucs[name] - aucs[EXACT] for aucs in mine.values()])
            parts = [
                np.mean([aucs[name] for key, aucs in mine.items() if part in key.split("|")])
                for part in (*SCALES, *FAMILIES, "plain", "header")
            ]
            print(f"  {name:12s} {mean:6.3f} {gain:+9.3f}" + "".join(f"{part:10.3f}" for part in parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["costs", "large", "kde", "judging", "auc"])
    parser.add_argument("captures", nargs="?", help="for auc: folder of captures")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="for costs: these detectors")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.what == "auc" and not arguments.captures:
        parser.error("auc needs a folder of captures")
    found = {
        "costs": lambda: measure_costs(arguments.only or list(ndm.DETECTORS)),
        "large": measure_large,
        "kde": measure_kde,
        "judging": measure_judging,
        "auc": lambda: measure_auc(arguments.captures),
    }[arguments.what]()
    if arguments.json:
        results = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        results["machine"] = {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        }
        results[arguments.what] = {**results.get(arguments.what, {}), **found}
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
