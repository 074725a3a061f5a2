"""Four models learn to read handwritten digits side by side, and the best one is chosen.

Needs scikit-learn (`pip install -e ".[examples]"`). Run it with the stack that holds your
orchestrator active: `python examples/digits.py`.
"""

from __future__ import annotations

import sys
from typing import Annotated

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from zenml import pipeline, step
from zenml.client import Client
from zenml.config import ResourceSettings
from zenml.enums import ExecutionStatus

CANDIDATES = {
    "forest": RandomForestClassifier(n_estimators=200, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "neighbors": KNeighborsClassifier(n_neighbors=3),
    "vectors": SVC(gamma=0.001),
}


@step(enable_cache=False)
def load() -> tuple[Annotated[np.ndarray, "images"], Annotated[np.ndarray, "labels"]]:
    """Return 1,797 images of 64 pixels, and the digits that they show."""
    images, labels = load_digits(return_X_y=True)
    return images, labels


@step(enable_cache=False)
def split(
    images: np.ndarray, labels: np.ndarray
) -> tuple[
    Annotated[np.ndarray, "train_images"],
    Annotated[np.ndarray, "test_images"],
    Annotated[np.ndarray, "train_labels"],
    Annotated[np.ndarray, "test_labels"],
]:
    """Keep a quarter of the data for the evaluation."""
    parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    return parts[0], parts[1], parts[2], parts[3]


@step(enable_cache=False, settings={"resources": ResourceSettings(cpu_count=1)})
def train(candidate: str, images: np.ndarray, labels: np.ndarray) -> BaseEstimator:
    """Fit one of the candidates."""
    return CANDIDATES[candidate].fit(images, labels)


@step(enable_cache=False)
def evaluate(model: BaseEstimator, images: np.ndarray, labels: np.ndarray) -> float:
    """Measure which share of the images the model reads correctly."""
    return float(model.score(images, labels))


@step(enable_cache=False)
def choose(forest: float, logistic: float, neighbors: float, vectors: float) -> str:
    """Name the candidate with the highest accuracy."""
    accuracies = {
        "forest": forest,
        "logistic": logistic,
        "neighbors": neighbors,
        "vectors": vectors,
    }
    return max(accuracies, key=accuracies.__getitem__)


@pipeline
def digits() -> None:
    """Train and evaluate every candidate in a branch of its own, then compare."""
    images, labels = load()
    train_images, test_images, train_labels, test_labels = split(images, labels)
    accuracies = {}
    for name in CANDIDATES:
        model = train(name, train_images, train_labels, id=f"train_{name}")
        accuracies[name] = evaluate(model, test_images, test_labels, id=f"evaluate_{name}")
    choose(**accuracies)


def main() -> int:
    """Run the pipeline, then load its artifacts.

    Returns:
        The exit code: 0 if the run completed.
    """
    started = digits()
    if started is None:
        sys.exit("ZenML did not start a run.")
    run = Client().get_pipeline_run(started.id)
    print(f"Run {run.name}: {run.status}")
    if run.status != ExecutionStatus.COMPLETED:
        return 1

    winner = run.steps["choose"].output.load()
    accuracy = run.steps[f"evaluate_{winner}"].output.load()
    model = run.steps[f"train_{winner}"].output.load()
    print(f"Best of {len(CANDIDATES)}: {winner} ({model}), accuracy {accuracy:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
