"""Trains all cases of a library, and prints what a product logged of them, unasked: `tell.py PRODUCT LIBRARY`."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import warnings
from contextlib import chdir

import matplotlib as mpl
from told_runs import told_of

warnings.simplefilter("ignore")
mpl.use("Agg")
product, library = sys.argv[1:]
tracker = importlib.import_module(product)
importlib.import_module(f"{product}.{library}")
client = tracker.MlflowClient() if product == "mlflow" else tracker.Client()
told = {}
with tempfile.TemporaryDirectory() as folder, chdir(folder):
    for case in importlib.import_module(f"{library}_cases").CASES:
        tracker.set_experiment(f"{library} {case.__name__}")
        case(tracker)
        told[case.__name__] = told_of(client, f"{library} {case.__name__}")
sys.stdout.write(f"\n{json.dumps(told)}\n")
