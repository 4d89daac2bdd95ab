#!/usr/bin/env python3
"""Learn what is normal, find what is not, and ask how good that is: on the demo capture, which has attacks in it.

    python examples/detection.py [CAPTURE LABELS]

CAPTURE and LABELS are `data/demo.pcap` and `data/demo.csv` unless others are named.
"""

import sys
import tempfile
from pathlib import Path

import netml
from netml.evaluation import evaluate

DATA = Path(__file__).parent / "data"


def main(capture, labels):
    """Train on normal flows, classify all flows, evaluate."""
    # A third of the labelled flows is kept for the test; of the others only the normal ones are learned from.
    model = netml.learn(
        capture, labels=labels, train_on="normal", families="SIZE", header=True, scale="log", detector="oc-nystroem"
    )
    print(f"trained on {model.summary['rows_used']} normal flows; AUC of the test {model.summary['auc']:.3f}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.netml"
        model.save(path)
        verdicts = netml.load_model(path).classify(capture)
    print(f"{len(verdicts)} flows, {verdicts.labels.sum()} of them abnormal; the most abnormal:")
    worst_first = verdicts[verdicts.scores.argsort()[::-1]]
    for line, _ in worst_first[:5].lines():
        print(" ", line)

    print(evaluate(model, pcap=capture, labels=labels).to_text())


if __name__ == "__main__":
    if len(sys.argv) not in (1, 3):
        sys.exit(f"usage: python {sys.argv[0]} [CAPTURE LABELS]")
    try:
        main(*sys.argv[1:] or [DATA / "demo.pcap", DATA / "demo.csv"])
    except (netml.NetmlError, OSError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
