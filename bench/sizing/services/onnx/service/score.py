"""Runs the small convolutional network of make_model.py with onnxruntime.

onnxruntime reads no variable of its own: as many threads as OMP_NUM_THREADS says, else as it likes.
"""

import json
import os

import numpy
import onnxruntime

session = None


def init():
    global session
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(raw_data):
    seed = json.loads(raw_data)["seed"]
    image = numpy.random.default_rng(seed).standard_normal((1, 3, 64, 64), dtype=numpy.float32)
    (scores,) = session.run(None, {"image": image})
    return {"class": int(scores.argmax())}
