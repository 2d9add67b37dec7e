"""Small ONNX files as other programs write them, with the logits that ONNX Runtime gives for them.

    python make.py        (torch, onnx, onnxruntime)

Inputs are the bytes `(i * 89 + (i * i) % 37 * 5) % 256` divided by 255, three pictures of 8x8, in the order
[batch, height, width, channels].
"""
import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, SIDE = 3, 8
i = np.arange(BATCH * SIDE * SIDE)
PIXELS = ((i * 89 + (i * i) % 37 * 5) % 256).astype(np.uint8).reshape(BATCH, SIDE, SIDE, 1)
RANDOM = np.random.default_rng(5)


class Cnn(nn.Module):
    """Convolutions with groups, dilation and stride, batch normalization, every kind of pooling, a skip."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 6, 1)
        self.norm2 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, (3, 2), stride=(2, 1), padding=(1, 0))
        self.dropout = nn.Dropout(0.3)
        self.fc1 = nn.Linear(6 * 2 * 2, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        x = nn.functional.hardswish(self.norm1(self.conv1(x)))
        x = x + nn.functional.silu(self.depthwise(x))
        x = nn.functional.max_pool2d(self.norm2(self.pointwise(x)), 3, 2, 1)
        x = nn.functional.avg_pool2d(torch.cat([x, x.clamp(-0.5, 0.7)], 1), 2, 2, ceil_mode=True, count_include_pad=False)[:, :6]
        x = nn.functional.gelu(self.conv2(nn.functional.pad(x, (1, 1, 2, 1))))
        x = x.view(x.size(0), -1)
        return self.fc2(self.dropout(nn.functional.leaky_relu(self.fc1(x[:, :24]), 0.2)))


class Mixer(nn.Module):
    """Patches as words: layer normalization, attention, products of three axes."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 4, stride=4)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.groups = nn.GroupNorm(2, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.groups(self.embed(x)).flatten(2).transpose(1, 2)  # [B, 4, 8]
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        x = x + torch.softmax(q @ k.transpose(1, 2) / 8**0.5, dim=-1) @ v
        return torch.log_softmax(self.head(x.mean(1)), dim=1)


def unsettle(network):
    """Statistics and scales that are not 0 and 1."""
    torch.manual_seed(7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name or "groups" in name:
                parameter.uniform_(0.3, 1.7)
    return network.eval()


def keras():
    """As tf2onnx writes a Keras model: channels last outside, transposed for every op; SAME padding; softmax at the end."""
    RANDOM = np.random.default_rng(6)
    weights = {
        "seq/conv2d/Conv2D/ReadVariableOp:0": RANDOM.normal(0, 0.4, (4, 1, 3, 3)),
        "seq/conv2d/BiasAdd/ReadVariableOp:0": RANDOM.normal(0, 0.4, (1, 4, 1, 1)),
        "seq/conv2d_1/Conv2D/ReadVariableOp:0": RANDOM.normal(0, 0.4, (5, 4, 2, 2)),
        "seq/conv2d_1/BiasAdd/ReadVariableOp:0": RANDOM.normal(0, 0.4, (5,)),
        "seq/dense/MatMul/ReadVariableOp:0": RANDOM.normal(0, 0.4, (20, 3)),
        "seq/dense/BiasAdd/ReadVariableOp:0": RANDOM.normal(0, 0.4, (3,)),
        **{f"seq/batch_normalization/{k}:0": RANDOM.uniform(0.3, 1.7, 5) for k in ["gamma", "beta", "mean", "variance"]},
        "const_scale": np.array(1 / 127.5),
        "const_shift": np.array(-1.0),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    tensors.append(numpy_helper.from_array(np.array([-1, 20], np.int64), "const_shape"))
    names = list(weights)
    node = helper.make_node
    nodes = [
        node("Cast", ["input_1"], ["cast"], to=TensorProto.FLOAT),
        node("Mul", ["cast", "const_scale"], ["scaled"]),
        node("Add", ["scaled", "const_shift"], ["shifted"]),
        node("Transpose", ["shifted"], ["t1"], perm=[0, 3, 1, 2]),
        node("Conv", ["t1", names[0]], ["c1"], auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[3, 3]),
        node("Add", ["c1", names[1]], ["b1"]),
        node("Transpose", ["b1"], ["t2"], perm=[0, 2, 3, 1]),
        node("Relu", ["t2"], ["r1"]),
        node("Transpose", ["r1"], ["t3"], perm=[0, 3, 1, 2]),
        node("Conv", ["t3", names[2], names[3]], ["c2"], auto_pad="SAME_LOWER", kernel_shape=[2, 2]),
        node("BatchNormalization", ["c2", *names[6:10]], ["n2"], epsilon=0.01),
        node("Elu", ["n2"], ["r2"], alpha=0.7),
        node("AveragePool", ["r2"], ["p1"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2]),
        node("Transpose", ["p1"], ["t4"], perm=[0, 2, 3, 1]),
        node("Reshape", ["t4", "const_shape"], ["flat"]),
        node("MatMul", ["flat", names[4]], ["m1"]),
        node("Add", ["m1", names[5]], ["logits"]),
        node("Softmax", ["logits"], ["dense"], axis=-1),
    ]
    return graph(nodes, "input_1", TensorProto.FLOAT, ["unk__6", SIDE, SIDE, 1], "dense", 3, tensors, 15)


def old():
    """Opset 9 for one picture: attributes where there are inputs today, and a batch of 1 in a constant shape."""
    f32 = lambda name, shape: numpy_helper.from_array(RANDOM.normal(0, 0.5, shape).astype(np.float32), name)
    tensors = [f32("0", (6, 1, 3, 3)), f32("1", (3, 1, 1)), f32("2", (27, 4)), f32("3", (4,))]
    tensors.append(numpy_helper.from_array(np.array([1, 27], np.int64), "4"))
    node = helper.make_node
    nodes = [
        node("Pad", ["x"], ["5"], pads=[0, 0, 1, 0, 0, 0, 0, 1], value=0.5, mode="constant"),
        node("Conv", ["5", "0"], ["6"], kernel_shape=[3, 3]),
        node("Split", ["6"], ["7", "8"], axis=1, split=[3, 3]),
        node("PRelu", ["7", "1"], ["9"]),
        node("Clip", ["8"], ["10"], min=-0.4, max=0.6),
        node("Max", ["9", "10"], ["11"]),
        node("MaxPool", ["11"], ["12"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
        node("Slice", ["12"], ["13"], axes=[2, 3], starts=[0, -3], ends=[3, 9223372036854775807]),
        node("Reshape", ["13", "4"], ["14"]),
        node("Gemm", ["14", "2", "3"], ["15"], alpha=0.5, beta=2.0),
        node("Unsqueeze", ["15"], ["16"], axes=[2]),
        node("Squeeze", ["16"], ["17"], axes=[2]),
        node("Softmax", ["17"], ["18"], axis=1),
    ]
    return graph(nodes, "x", TensorProto.FLOAT, [1, 1, SIDE, SIDE], "18", 4, tensors, 9)


def graph(nodes, x, dtype, shape, y, classes, tensors, opset):
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(x, dtype, shape)],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [shape[0], classes])],
        tensors,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], producer_name="by hand", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def without_softmax(model):
    """What is compared: Ductus leaves a softmax at the end out."""
    last = model.graph.node[-1]
    if last.op_type != "Softmax":
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output[0].name = last.input[0]
    del copy.graph.node[-1]
    return copy


def main():
    expected = {}

    def save(name, model):
        path = os.path.join(HERE, f"{name}.onnx")
        onnx.save(model, path)
        session = onnxruntime.InferenceSession(without_softmax(model).SerializeToString())
        [x] = session.get_inputs()
        pictures = PIXELS.astype(np.float32) / 255
        pictures = pictures if x.shape[3] == 1 else pictures.transpose(0, 3, 1, 2)
        one_by_one = isinstance(x.shape[0], int)
        batches = [pictures[k : k + 1] for k in range(BATCH)] if one_by_one else [pictures]
        logits = np.concatenate([session.run(None, {x.name: batch})[0] for batch in batches])
        expected[name] = logits.tolist()
        print(name, os.path.getsize(path), sorted({node.op_type for node in model.graph.node}))

    picture = torch.zeros(2, 1, SIDE, SIDE)
    for name, network in {"cnn": unsettle(Cnn()), "mixer": unsettle(Mixer())}.items():
        path = os.path.join(HERE, "made.onnx")
        options = {"input_names": ["x"], "output_names": ["y"]}
        torch.onnx.export(network, picture, path, dynamo=False, opset_version=17, dynamic_axes={"x": [0], "y": [0]}, **options)
        save(f"torch-{name}", onnx.load(path))
        os.remove(path)
    save("keras", keras())
    # Weights in a file beside it, as PyTorch writes them by default
    onnx.save(keras(), os.path.join(HERE, "apart.onnx"), save_as_external_data=True, location="apart.data", size_threshold=0)
    save("opset-9", old())
    with open(os.path.join(HERE, "logits.json"), "w") as file:
        json.dump(expected, file)


main()
