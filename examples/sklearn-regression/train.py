"""How model.pkl and requests.jsonl were made. Running it again writes the same files.

Needs the packages that config.json lists:
    pip install scikit-learn==1.8.0 && python train.py
"""

import json
from pathlib import Path

import joblib
import numpy
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

HERE = Path(__file__).parent
SEED = 20261101
REQUESTS = 200
#: Patients in one request: from a single one to a small batch, most of them small.
FEWEST, MOST = 1, 64


def train(features: numpy.ndarray, progression: numpy.ndarray):
    """Ridge regression on the pairwise products of the ten measurements of a patient."""
    model = make_pipeline(
        StandardScaler(), PolynomialFeatures(degree=2, include_bias=False), Ridge(alpha=30.0)
    )
    return model.fit(features, progression)


def request_bodies(features: numpy.ndarray) -> list[str]:
    """Bodies that all differ: patients drawn at random, each measurement slightly disturbed."""
    generator = numpy.random.default_rng(SEED)
    sizes = numpy.exp(generator.uniform(numpy.log(FEWEST), numpy.log(MOST + 1), REQUESTS))
    bodies = []
    for size in sizes.astype(int):
        patients = features[generator.integers(0, len(features), size)]
        patients = patients + generator.normal(0.0, 0.002, patients.shape)
        bodies.append(json.dumps({"data": patients.round(5).tolist()}))
    return bodies


def main() -> None:
    features, progression = load_diabetes(return_X_y=True)
    joblib.dump(train(features, progression), HERE / "model.pkl")
    (HERE / "requests.jsonl").write_text("\n".join(request_bodies(features)) + "\n")


if __name__ == "__main__":
    main()
