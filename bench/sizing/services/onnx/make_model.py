"""Makes model.onnx: three convolutions and a linear layer with random weights; needs `onnx`."""

from itertools import pairwise
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = (3, 16, 32, 32)
CLASSES = 10


def main() -> None:
    rng = numpy.random.default_rng(0)
    nodes, weights, name = [], [], "image"
    for number, (into, out) in enumerate(pairwise(CHANNELS)):
        kernel = rng.standard_normal((out, into, 3, 3)).astype("f4") / (3 * into**0.5)
        weights.append(numpy_helper.from_array(kernel, f"kernel{number}"))
        nodes.append(helper.make_node(
            "Conv", [name, f"kernel{number}"], [f"sum{number}"],
            pads=[1, 1, 1, 1], strides=[2, 2] if number else [1, 1],
        ))  # fmt: skip
        nodes.append(helper.make_node("Relu", [f"sum{number}"], [name := f"layer{number}"]))
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    linear = rng.standard_normal((CHANNELS[-1], CLASSES)).astype("f4")
    weights.append(numpy_helper.from_array(linear, "linear"))
    nodes.append(helper.make_node("MatMul", ["flat", "linear"], ["scores"]))
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name("model.onnx"))


if __name__ == "__main__":
    main()
