"""Scores patients with the regression of train.py, as a script with init() and run()."""

import json
import os

import joblib
import numpy

MEASUREMENTS = 10
model = None


def init():
    """Called once, before the first request."""
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))


def run(raw_data):
    """Takes {"data": [[ten numbers], ...]}; answers one predicted progression per patient.

    What is wrong with the request raises, so that the caller gets an error and not an answer.
    """
    patients = numpy.asarray(json.loads(raw_data)["data"], dtype=float)
    if patients.ndim != 2 or patients.shape[1] != MEASUREMENTS:
        raise ValueError(f"each patient needs {MEASUREMENTS} numbers, got shape {patients.shape}")
    return {"progression": model.predict(patients).round(2).tolist()}
