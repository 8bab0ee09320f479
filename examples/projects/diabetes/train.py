"""Trains a regression, as an entry point of a project: `trivet run examples/projects/diabetes -P alpha=0.5`.

The run is there already, with `alpha` as its param; `start_run` goes on with it.
"""

import sys

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

import trivet


def main(alpha: float) -> None:
    """Trains with one penalty, and logs how good that is."""
    data, targets = load_diabetes(return_X_y=True)
    train, test, train_targets, test_targets = train_test_split(data, targets, random_state=7)
    with trivet.start_run():
        model = Ridge(alpha=alpha).fit(train, train_targets)
        rmse = mean_squared_error(test_targets, model.predict(test)) ** 0.5
        trivet.log_metric("rmse", rmse)
    print(f"alpha {alpha:g}: rmse {rmse:.3f}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
