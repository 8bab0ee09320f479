"""Runs workflows by their names, and prints what each of them tells. Run with MLFLOW_TRACKING_URI."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import sys
import tempfile
import time
import traceback
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
told = {}
# Their models would otherwise hold the project file and the lockfile of where the tests were started.
with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    for name in sys.argv[1:]:
        module, _, function = name.partition(".")
        begin = time.monotonic()
        try:
            told[name] = getattr(importlib.import_module(module), function)()
        except Exception:  # noqa: BLE001 - of one workflow; the others go on
            told[name] = {"failed": traceback.format_exc()}
        sys.stderr.write(f"{name}: {time.monotonic() - begin:.1f} s\n")
sys.stdout.write(f"\n{json.dumps(told)}\n")
