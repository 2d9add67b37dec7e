"""One small ONNX file for each layer, mode and exporter, with the outputs that ONNX Runtime gives: corpus.json.gz.

    KERAS_BACKEND=torch python make_corpus.py        (torch, onnx, onnxruntime, onnxscript, keras)

Inputs are those of make.py: the bytes `(i * 89 + (i * i) % 37 * 5) % 256` divided by 255, three pictures of 8x8. All
weights are rounded to multiples of 1/64, so that they compress. Names begin with what wrote the file: `torch` (its exporter
of today), `torch-old` with the opset, `keras`, or `hand` with the opset.
"""
import copy
import gzip
import json
import os
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(4)
HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, SIDE = 3, 8
i = np.arange(BATCH * SIDE * SIDE)
PIXELS = ((i * 89 + (i * i) % 37 * 5) % 256).astype(np.float32).reshape(BATCH, 1, SIDE, SIDE) / 255

corpus = {}


def rounded(model):
    """Weights as multiples of 1/64, and nothing that only people read."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(np.round(values * 64) / np.float32(64), tensor.name))
    for holder in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output]:
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
    del model.graph.value_info[:]
    return model


def keep(name, model):
    rounded(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    [x] = session.get_inputs()
    pictures = PIXELS if x.shape[-1] != 1 else PIXELS.transpose(0, 2, 3, 1)
    batches = [pictures[k : k + 1] for k in range(BATCH)] if isinstance(x.shape[0], int) else [pictures]
    y = np.concatenate([session.run(None, {x.name: batch})[0].reshape(len(batch), -1) for batch in batches])
    assert name not in corpus, name
    corpus[name] = {
        "model": model.SerializeToString().hex(),
        "outputs": [[float(f"{v:.7g}") for v in row] for row in y.astype(np.float64)],
    }


# PyTorch ---------------------------------------------------------------------------------------------------------------


class Function(nn.Module):
    """A layer that is a function, with layers that it uses."""

    def __init__(self, function, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, x):
        return self.function(x, *self.layers)


def attention(x, layer):
    words = x.flatten(2).transpose(1, 2)
    return layer(words, words, words, need_weights=False)[0]


def of(function, *layers):
    return lambda: Function(function, *[layer() for layer in layers])


# Between a convolution that makes 4 channels and a fully connected layer: [N, 4, 8, 8] → anything
LAYERS = {
    "GroupNorm": lambda: nn.GroupNorm(2, 4),
    "LocalResponseNorm": lambda: nn.LocalResponseNorm(3, 0.1),
    "Conv2d-dilated": lambda: nn.Conv2d(4, 4, 3, dilation=(2, 1), padding=(2, 0)),
    **{f"Conv2d-{mode}": (lambda mode=mode: nn.Conv2d(4, 4, 3, padding=(2, 1), padding_mode=mode)) for mode in ["reflect", "replicate", "circular"]},
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
    "MaxPool2d-dilated": lambda: nn.MaxPool2d(2, 1, dilation=(3, 2)),
    "AvgPool2d-ceil": lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "PixelShuffle": lambda: nn.PixelShuffle(2),
    "Upsample-bilinear": lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"),
    "normalize": of(lambda x: F.normalize(x, dim=1)),
    "attention": of(attention, lambda: nn.MultiheadAttention(4, 2, batch_first=True)),
    **{name: getattr(nn, name) for name in "CELU GELU SiLU".split()},
}

# What a network of classes ends in: [N, 3] → the output
ENDINGS = {
    "Softmax": lambda: nn.Softmax(1),
    "LogSoftmax": lambda: nn.LogSoftmax(1),
    "exp-LogSoftmax": of(lambda x: x.log_softmax(1).exp()),
    "log-Softmax": of(lambda x: x.softmax(1).log()),
    "written-softmax": of(lambda x: x.exp() / x.exp().sum(1, keepdim=True)),
    "stable-softmax": of(lambda x: (lambda e: e / e.sum(1, keepdim=True))((x - x.amax(1, keepdim=True)).exp())),
    "exp-minus-logsumexp": of(lambda x: (x - x.logsumexp(1, keepdim=True)).exp()),
    "normalized-exp": of(lambda x: F.normalize(x.exp(), p=1, dim=1)),
    "softmax-clamped": of(lambda x: x.softmax(1).clamp(1e-7, 1 - 1e-7)),
    "softmax-view": of(lambda x: x[:, :, None, None].softmax(1).view(-1, 3)),
    "softmax-transposed": of(lambda x: x.t().softmax(0).t()),
    "softmax-twice": of(lambda x: x.softmax(1).softmax(1)),
    "softmax-mean": of(lambda x: (x.softmax(1) + (2 * x).softmax(1)) / 2),
    "softmax-pooled": of(lambda x: torch.stack([x, -2 * x], 2).softmax(1).mean(2)),
    "softmax-percent": of(lambda x: 100 * x.softmax(1)),
    "softmax-permuted": of(lambda x: x.softmax(1)[:, [2, 0, 1]]),
    "softmax-merged": of(lambda x: torch.cat([x.softmax(1)[:, :1] + x.softmax(1)[:, 1:2], x.softmax(1)[:, 2:]], 1)),
    "Sigmoid": nn.Sigmoid,
    "Sigmoid-normalized": of(lambda x: (lambda s: s / s.sum(1, keepdim=True))(x.sigmoid())),
    "one-sigmoid": of(lambda x: x[:, :1].sigmoid()),
    "one-sigmoid-flat": of(lambda x: x[:, 0].sigmoid()),
    "one-of-two": of(lambda x: x[:, :2].softmax(1)[:, 1:]),
    "two-sigmoids": of(lambda x: (lambda s: torch.cat([1 - s, s], 1))(x[:, :1].sigmoid())),
    "stacked-sigmoids": of(lambda x: (lambda s: torch.stack([s, 1 - s], 1))(x[:, 0].sigmoid())),
    "one-number": of(lambda x: x[:, :1]),
}


def unsettled(network):
    """Statistics and scales that are not 0 and 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.uniform_(0.2, 1.2)
            else:
                parameter.mul_(2)
    return network.eval()


def exported(network, opset):
    """By today's exporter, or with an opset by the old one."""
    picture = torch.from_numpy(PIXELS)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.onnx")
        if opset is None:
            shapes = ({0: torch.export.Dim("batch")},)
            torch.onnx.export(network, (picture,), path, external_data=False, verbose=False, dynamic_shapes=shapes)
        else:
            axes = {"x": [0]}
            torch.onnx.export(network, (picture,), path, dynamo=False, opset_version=opset, input_names=["x"], dynamic_axes=axes, verbose=False)
        return onnx.load(path)


def torch_files():
    for name, make in {**{f"ends-{k}": v for k, v in ENDINGS.items()}, **LAYERS}.items():
        for opset in [None, *OLD.get(name, [])]:
            torch.manual_seed(len(name))
            first = nn.Conv2d(1, 4, 3, padding=1)
            layer = make()
            if name.startswith("ends-"):
                network = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3), layer)
            else:
                with torch.no_grad():
                    width = layer(torch.rand(3, 4, 8, 8)).flatten(1).shape[1]
                network = nn.Sequential(first, layer, nn.Flatten(), nn.Linear(width, 3))
            label = f"torch{'' if opset is None else f'-old-{opset}'}: {name}"
            try:
                keep(label, exported(unsettled(network), opset))
            except Exception as error:
                print("left out", label, str(error).split("\n")[0][:100])


# Where the old exporter writes something else, or did for older opsets
OLD = {
    **{name: [11, 17] for name in "GroupNorm Upsample-bilinear normalize ends-Softmax".split()},
    **{name: [17] for name in "GELU AvgPool2d-ceil ConvTranspose2d Conv2d-circular PixelShuffle attention ends-written-softmax ends-two-sigmoids ends-one-sigmoid".split()},
}


# Keras -----------------------------------------------------------------------------------------------------------------


def keras_files():
    import keras

    L = keras.layers
    layers = {
        "same-stride": [L.Conv2D(4, 3, strides=2, padding="same"), L.ReLU()],
        "MaxPooling2D-same": [L.MaxPooling2D(3, 2, padding="same")],
        "AveragePooling2D-same": [L.AveragePooling2D(3, 2, padding="same")],
        "BatchNormalization": [L.Conv2D(4, 3), L.BatchNormalization(), L.Activation("relu")],
        "Conv2DTranspose": [L.Conv2DTranspose(3, 3, strides=2, padding="same")],
        "UpSampling2D": [L.UpSampling2D(2)],
        "GroupNormalization": [L.Conv2D(4, 3), L.GroupNormalization(2)],
        "GlobalAveragePooling2D": [L.Conv2D(4, 3), L.GlobalAveragePooling2D()],
        "PReLU": [L.Conv2D(4, 3), L.PReLU(shared_axes=[1, 2])],
        "Rescaling": [L.Rescaling(1 / 127.5, -1)],
        "UnitNormalization": [L.Conv2D(4, 3), L.UnitNormalization()],
    }
    endings = {"softmax": lambda: [L.Dense(3, activation="softmax")], "sigmoid": lambda: [L.Dense(1, activation="sigmoid")]}
    for name, middle in layers.items():
        keras_file(keras, name, [*middle, L.Flatten(), L.Dense(3)])
    for name, ending in endings.items():
        keras_file(keras, f"ends-{name}", [L.Conv2D(2, 3), L.Flatten(), *ending()])


def keras_file(keras, name, layers):
    keras.utils.set_random_seed(len(name))
    network = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.onnx")
        try:
            network(np.zeros((2, SIDE, SIDE, 1), np.float32))
            network.export(path, format="onnx", verbose=False)
            keep(f"keras: {name}", onnx.load(path))
        except Exception as error:
            print("left out keras:", name, str(error).split("\n")[0][:100])


# By hand ---------------------------------------------------------------------------------------------------------------


def hand_files():
    random = np.random.default_rng(3)
    node = helper.make_node

    def f32(*shape):
        return random.normal(0, 0.5, shape).astype(np.float32)

    def save(name, opset, nodes, tensors=None, out="y", batch="N", width=None, classes=3):
        """`y`, of `width` numbers, goes through a fully connected layer, if a width is given."""
        initializers = dict(tensors or {})
        if width is not None:
            initializers["fc.weight"] = f32(width, classes)
            nodes = [*nodes, node("Flatten", [out], ["flat"]), node("MatMul", ["flat", "fc.weight"], ["z"])]
            out = "z"
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 1, SIDE, SIDE])],
            [helper.make_empty_tensor_value_info(out)],
            [numpy_helper.from_array(value, key) for key, value in initializers.items()],
        )
        graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
        keep(f"hand-{opset}: {name}", helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8))

    ints = lambda *values: np.array(values, np.int64)
    conv = node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3])
    w = {"w": f32(4, 1, 3, 3)}  # c is [N, 4, 6, 6]
    for opset in [9, 11, 13, 18]:
        axes = {"axes": ints(2, 3)}
        if opset < 18:
            save("ReduceMean", opset, [conv, node("ReduceMean", ["c"], ["y"], axes=[2, 3])], w, width=4)
        else:
            save("ReduceMean", opset, [conv, node("ReduceMean", ["c", "axes"], ["y"])], {**w, **axes}, width=4)
        if opset < 13:
            save("ReduceSum", opset, [conv, node("ReduceSum", ["c"], ["y"], axes=[-1], keepdims=0)], w, width=24)
        else:
            save("ReduceSum", opset, [conv, node("ReduceSum", ["c", "axes"], ["y"], keepdims=0)], {**w, **axes}, width=4)
        soft = [conv, node("Softmax", ["c"], ["y"], axis=1)]
        save("Softmax-axis-1", opset, soft, w, width=144)
        save("ends-Softmax", opset, [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "v"], ["z"]), node("Softmax", ["z"], ["y"], axis=1), node("Identity", ["y"], ["o"])], {"v": f32(64, 3)}, out="o")
    save("ends-Softmax-4d", 9, [node("Conv", ["x", "v"], ["c"]), node("Softmax", ["c"], ["p"], axis=1), node("Flatten", ["p"], ["y"])], {"v": f32(3, 1, 8, 8)})
    save("ends-Softmax-4d", 13, [node("Conv", ["x", "v"], ["c"]), node("Softmax", ["c"], ["y"], axis=1)], {"v": f32(3, 1, 8, 8)})
    for mode, opset in [("edge", 9), ("reflect", 11), ("edge", 13), ("wrap", 19), ("reflect", 18)]:
        if opset < 11:
            pad = node("Pad", ["c"], ["y"], mode=mode, pads=[0, 0, 1, 2, 0, 0, 3, 0])
            save(f"Pad-{mode}", opset, [conv, pad], w, width=320)
        elif opset < 18:
            pad = node("Pad", ["c", "pads"], ["y"], mode=mode)
            save(f"Pad-{mode}", opset, [conv, pad], {**w, "pads": ints(0, 0, 1, 2, 0, 0, 3, 0)}, width=320)
        else:
            pad = node("Pad", ["c", "pads", "", "axes"], ["y"], mode=mode)
            save(f"Pad-{mode}", opset, [conv, pad], {**w, "pads": ints(2, 1, 0, 3), "axes": ints(-1, 2)}, width=320)
    scales = {"scales": np.array([1, 1, 2, 1.5], np.float32)}
    save("Upsample", 7, [conv, node("Upsample", ["c"], ["y"], mode="nearest", scales=[1.0, 1.0, 2.0, 1.5])], w, width=432)
    save("Upsample", 9, [conv, node("Upsample", ["c", "scales"], ["y"], mode="linear")], {**w, **scales}, width=432)
    save("Resize", 10, [conv, node("Resize", ["c", "scales"], ["y"], mode="nearest")], {**w, **scales}, width=432)
    for mode in ["nearest", "linear", "cubic"]:
        for rule in ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn", "tf_crop_and_resize"]:
            resize = node("Resize", ["c", "roi", "scales"], ["y"], mode=mode, coordinate_transformation_mode=rule)
            save(f"Resize-{mode}-{rule}", 11, [conv, resize], {**w, **scales, "roi": np.array([0, 0, 0.1, 0.1, 1, 1, 0.9, 0.9], np.float32)}, width=432)
    for rule in ["half_pixel_symmetric", "half_pixel"]:
        resize = node("Resize", ["c", "", "", "sizes"], ["y"], mode="linear", coordinate_transformation_mode=rule, axes=[2, 3])
        save(f"Resize-{rule}", 19, [conv, resize], {**w, "sizes": ints(9, 4)}, width=144)
    for policy in ["not_larger", "not_smaller"]:
        resize = node("Resize", ["c", "", "", "sizes"], ["y"], mode="linear", keep_aspect_ratio_policy=policy, axes=[2, 3])
        save(f"Resize-{policy}", 18, [conv, resize], {**w, "sizes": ints(9, 9)}, width=324)
    group = {**w, "g.weight": f32(4), "g.bias": f32(4)}
    save("GroupNormalization", 21, [conv, node("GroupNormalization", ["c", "g.weight", "g.bias"], ["y"], num_groups=2)], group, width=144)
    group = {**w, "g.weight": f32(2), "g.bias": f32(2)}
    save("GroupNormalization", 18, [conv, node("GroupNormalization", ["c", "g.weight", "g.bias"], ["y"], num_groups=2)], group, width=144)
    for op in ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceProd", "ReduceMax", "ReduceMin"]:
        save(op, 13, [conv, node(op, ["c"], ["y"], axes=[1, 3])], w, width=6)
        save(op, 18, [conv, node(op, ["c", "axes"], ["y"], keepdims=0)], {**w, "axes": ints(2)}, width=24)
    save("LRN", 13, [conv, node("LRN", ["c"], ["y"], size=3, alpha=0.2)], w, width=144)
    save("LpNormalization", 13, [conv, node("LpNormalization", ["c"], ["y"], axis=1, p=1)], w, width=144)
    save("MeanVarianceNormalization", 13, [conv, node("MeanVarianceNormalization", ["c"], ["y"])], w, width=144)
    save("GlobalLpPool", 13, [conv, node("GlobalLpPool", ["c"], ["y"])], w, width=4)
    save("LpPool", 13, [conv, node("LpPool", ["c"], ["y"], kernel_shape=[2, 2])], w, width=100)
    save("DepthToSpace", 13, [conv, node("DepthToSpace", ["c"], ["y"], blocksize=2)], w, width=144)
    save("DepthToSpace-CRD", 13, [conv, node("DepthToSpace", ["c"], ["y"], blocksize=2, mode="CRD")], w, width=144)
    save("SpaceToDepth", 13, [conv, node("SpaceToDepth", ["c"], ["y"], blocksize=2)], w, width=144)
    save("Tile", 13, [conv, node("Tile", ["c", "r"], ["y"])], {**w, "r": ints(1, 1, 2, 1)}, width=288)
    save("Mean", 13, [conv, node("Relu", ["c"], ["r"]), node("Mean", ["c", "r"], ["y"])], w, width=144)
    for op in ["Celu", "ThresholdedRelu", "Shrink", "Sign", "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Atan", "Sinh", "Asinh", "Hardmax"]:
        save(op, 13, [conv, node(op, ["c"], ["y"])], w, width=144)
    for op in ["And", "Or", "Xor"]:
        logic = [node("Less", ["c", "k"], ["a"]), node("Greater", ["c", "k2"], ["b"]), node(op, ["a", "b"], ["l"]), node("Where", ["l", "c", "k"], ["y"])]
        save(op, 13, [conv, *logic], {**w, "k": np.float32(0.2).reshape(1), "k2": np.float32(-0.2).reshape(1)}, width=144)
    for auto in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        up = node("ConvTranspose", ["c", "u"], ["y"], auto_pad=auto, strides=[2, 2], kernel_shape=[3, 4])
        size = {"VALID": 13 * 14}.get(auto, 144) * 2
        save(f"ConvTranspose-{auto}", 13, [conv, up], {**w, "u": f32(4, 2, 3, 4)}, width=size)
    up = node("ConvTranspose", ["c", "u"], ["y"], output_shape=[10, 11], strides=[2, 2])
    save("ConvTranspose-output_shape", 13, [conv, up], {**w, "u": f32(4, 2, 3, 3)}, width=220)
    for auto in ["SAME_UPPER", "SAME_LOWER"]:
        pool = node("AveragePool", ["c"], ["y"], auto_pad=auto, strides=[2, 2], kernel_shape=[3, 3])
        save(f"AveragePool-{auto}", 11, [conv, pool], w, width=36)
    save("Gemm-transA", 13, [node("Flatten", ["x"], ["f"]), node("Transpose", ["f"], ["t"]), node("Gemm", ["t", "b", "k"], ["y"], transA=1, alpha=0.5, beta=2.0)], {"b": f32(64, 3), "k": f32(3)})
    save("vector-MatMul", 13, [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "b"], ["v"]), node("Unsqueeze", ["v", "axes"], ["u"]), node("Mul", ["u", "k"], ["y"])], {"b": f32(64), "k": f32(3), "axes": ints(1)})
    # A whole network for one picture, its batch fixed or open, with shapes of one inside
    lenet = [conv, node("Relu", ["c"], ["r"]), node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]), node("Reshape", ["p", "s"], ["f"]), node("Gemm", ["f", "v", "k"], ["y"], transB=1)]
    for shape in [(1, 36), (1, -1), (-1, 36), (0, -1)]:
        rest = {**w, "s": ints(*shape), "v": f32(3, 36), "k": f32(3)}
        save(f"fixed-batch-{shape[0]},{shape[1]}", 13, copy.deepcopy(lenet), rest, batch=1)
    # Nodes from the end to the beginning
    save("unsorted", 13, lenet[::-1], {**w, "s": ints(-1, 36), "v": f32(3, 36), "k": f32(3)})


def write():
    packed = gzip.compress(json.dumps(corpus, indent=0, sort_keys=True).encode(), 9, mtime=0)
    with open(os.path.join(HERE, "corpus.json.gz"), "wb") as file:
        file.write(packed)
    print(len(corpus), "files,", len(packed), "bytes", flush=True)


def main():
    for make in [hand_files, keras_files, torch_files]:
        make()
        write()


if __name__ == "__main__":
    main()
