"""Trainings of scikit-learn as people write them, logged unasked by the product that the first argument names."""

import importlib
import sys

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

tracker = importlib.import_module(sys.argv[1])
importlib.import_module(f"{sys.argv[1]}.sklearn").autolog(extra_tags={"team": "vision"})

from sklearn import metrics  # noqa: E402 - what is imported before is not logged by either

X, y = load_iris(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
two = y < 2
numbers, targets = load_diabetes(return_X_y=True)

# A classifier of many classes, of data frames; scored afterwards.
tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X_train, y_train)
tree.score(X_test, y_test)
predicted = tree.predict(X_test)
metrics.accuracy_score(y_test, predicted)
metrics.f1_score(y_test, predicted, average="macro")
metrics.f1_score(y_test, predicted, average="micro")
metrics.log_loss(y_test, tree.predict_proba(X_test))

# One of two classes, with weights.
LogisticRegression(C=0.5).fit(X[two], y[two], sample_weight=np.linspace(1, 2, int(two.sum())))

# One without probabilities.
LinearSVC(random_state=0).fit(X[two].to_numpy(), y[two].to_numpy())

# A regressor, of arrays; measured on what it predicts.
ridge = Ridge(alpha=2.0).fit(numbers[:300], targets[:300])
predictions = ridge.predict(numbers[300:])
metrics.mean_squared_error(targets[300:], predictions)

# A pipeline, a transformer, and clusters without labels.
make_pipeline(StandardScaler(), LinearRegression()).fit(X=numbers, y=targets)
PCA(n_components=2).fit_transform(X)
KMeans(n_clusters=3, n_init=2, random_state=0).fit_predict(X.to_numpy())

# In a run of one's own, with what is logged by hand.
with tracker.start_run(run_name="mine"):
    tracker.log_param("by_hand", 1)
    Ridge().fit(pd.DataFrame(numbers), targets)

# Nothing of these.
StandardScaler().fit(X)
cross_val_score(DecisionTreeClassifier(max_depth=1), X, y, cv=2)

# Searches.
grid = GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.01, 0.1, 1.0], "fit_intercept": [True, False]}, cv=2)
grid.fit(X, y)
grid.score(X_test, y_test)
RandomizedSearchCV(
    make_pipeline(StandardScaler(), Ridge()),
    {"ridge__alpha": [0.1, 1.0, 10.0, 100.0]},
    n_iter=3,
    cv=2,
    random_state=0,
    refit=False,
).fit(numbers, targets)
