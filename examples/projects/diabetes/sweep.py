"""Runs the entry point `main` for several penalties, each as a child of this run: `trivet run … -e sweep`."""

import sys
from pathlib import Path

import trivet
from trivet import projects


def main(alphas: str) -> None:
    """Trains with each of the penalties, and notes which was best."""
    with trivet.start_run():
        children = [
            # The environment of this run has all that is needed.
            projects.run(str(Path(__file__).parent), parameters={"alpha": alpha}, env_manager="local").run_id
            for alpha in alphas.split(",")
        ]
        best = min(map(trivet.get_run, children), key=lambda run: run.data.metrics["rmse"])
        trivet.log_param("best_alpha", best.data.params["alpha"])
        trivet.log_metric("rmse", best.data.metrics["rmse"])


if __name__ == "__main__":
    main(sys.argv[1])
