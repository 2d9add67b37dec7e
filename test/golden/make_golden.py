"""Makes the golden values of the ops, forward and backward, with PyTorch: test/golden/ops/*.json.

    pip install torch==2.13 numpy
    python test/golden/make_golden.py

Inputs are not stored: both sides make them from the same hash (noise.py, test/helpers/noise.ts). Everything is computed
in float64 and stored as the shortest decimals that give the float32 number back. Pictures are [N, H, W, C] and weights
[R, S, C / groups, O], as in the engine: the permutation to PyTorch's order is part of each function here, so gradients
come back in the engine's order too.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from noise import disorder, integer_noise, uniform_noise

OUT = pathlib.Path(__file__).parent / "ops"
FAMILIES = {}


def values(spec, position):
    """Values of an input: the same as valuesOf in test/conformance/cases/case.ts."""
    shape, fill = spec["shape"], spec["fill"]
    count = math.prod(shape)
    seed = 1000 * (position + 1) + count
    if fill == "distinct":
        flat = (2 * disorder(seed, count) - count + 1 + count % 2) / 64
    elif fill == "between":
        flat = (4 * disorder(seed, count) - 2 * count + 1) / 128
    elif fill == "ties":
        flat = integer_noise(seed, count, -2, 3) / 2
    elif isinstance(fill, dict):
        flat = np.array(fill["list"], dtype=np.float32)
    elif spec["dtype"] == "int32":
        flat = integer_noise(seed, count, *fill)
    else:
        flat = uniform_noise(seed, count, *fill)
    kind = torch.int64 if spec["dtype"] == "int32" else torch.float64
    return torch.tensor(np.asarray(flat, dtype=np.float64).reshape(shape)).to(kind)


def x(*shape, fill=(-2, 2), batched=True, wanted=True):
    fill = list(fill) if isinstance(fill, tuple) else fill
    return {"shape": list(shape), "dtype": "float32", "fill": fill, "batched": batched and len(shape) > 0, "wanted": wanted}


def w(*shape, **more):
    return x(*shape, batched=False, **more)


def listed(*numbers, shape=None):
    return x(*(shape or [len(numbers)]), fill={"list": list(numbers)})


def ints(*shape, low=0, high=5, batched=True):
    return {"shape": list(shape), "dtype": "int32", "fill": [low, high], "batched": batched and len(shape) > 0, "wanted": False}


def shortest(tensor):
    """Numbers that survive JSON: the shortest decimals of their float32 roundings, infinities as strings."""
    out = []
    for value in tensor.detach().reshape(-1).tolist():
        single = np.float32(value)
        if not np.isfinite(single):
            out.append("NaN" if np.isnan(single) else "Infinity" if single > 0 else "-Infinity")
        elif single == int(single) and abs(single) < 1e7:
            out.append(int(single))
        else:
            out.append(float(np.format_float_scientific(single, unique=True, trim="-")))
    return out


def case(family, op, inputs, function, **attrs):
    tensors = [values(spec, i) for i, spec in enumerate(inputs)]
    for spec, tensor in zip(inputs, tensors):
        tensor.requires_grad_(spec["wanted"])
    y = function(*tensors)
    entry = {"op": op, "attrs": attrs, "inputs": inputs, "shape": list(y.shape), "y": shortest(y)}
    if y.is_floating_point() and y.requires_grad:
        v = torch.tensor(uniform_noise(77, y.numel()).astype(np.float64).reshape(y.shape)) if y.dim() else 0.75
        (y * v).sum().backward()
        entry["grads"] = [shortest(t.grad) if t.grad is not None else None for t in tensors]
    FAMILIES.setdefault(family, []).append(entry)


def nchw(t):
    return t.permute(0, 3, 1, 2)


def nhwc(t):
    return t.permute(0, 2, 3, 1)


# Elementwise --------------------------------------------------------------------------------------------------------

FAR = listed(-100.0, -88.0, -20.0, -3.0, -1e-4, 0.0, 1e-4, 3.0, 20.0, 80.0)
UNARY = {
    "neg": (torch.neg, [x(3, 5)]),
    "abs": (torch.abs, [x(3, 5), x(4, 5, fill="ties")]),
    "exp": (torch.exp, [x(3, 5), FAR]),
    "log": (torch.log, [x(3, 5, fill=(0.1, 4)), listed(1e-30, 1e-6, 0.999, 1.0, 1.001, 1e10)]),
    "sqrt": (torch.sqrt, [x(3, 5, fill=(0.1, 4)), listed(1e-30, 1e-6, 2.0, 1e10)]),
    "tanh": (torch.tanh, [x(3, 5), FAR]),
    "sigmoid": (torch.sigmoid, [x(3, 5), FAR]),
    "relu": (torch.relu, [x(3, 5), x(4, 5, fill="ties"), FAR]),
    "erf": (torch.erf, [x(3, 5), FAR]),
    "silu": (F.silu, [x(3, 5), FAR]),
    "hardswish": (F.hardswish, [x(3, 5, fill=(-5, 5)), FAR]),
    "softplus": (lambda t: F.softplus(t, threshold=1e9), [x(3, 5, fill="distinct"), FAR]),
}
for name, (function, inputs) in UNARY.items():
    for spec in inputs:
        case("elementwise", name, [spec], function)
for slope in (0.01, 0.2):
    for spec in (x(3, 5), x(4, 5, fill="ties"), FAR):
        case("elementwise", "leakyRelu", [spec], lambda t: F.leaky_relu(t, slope), negativeSlope=slope)
for alpha in (1.0, 0.7):
    for spec in (x(3, 5), x(4, 5, fill="ties"), FAR):
        case("elementwise", "elu", [spec], lambda t: F.elu(t, alpha), alpha=alpha)
for form in ("none", "tanh"):
    for spec in (x(3, 5), x(4, 5, fill="ties"), FAR):
        case("elementwise", "gelu", [spec], lambda t: F.gelu(t, approximate=form), approximate=form)
for low, high in ((-0.5, 0.5), (-1.0, 1.5)):
    for spec in (x(3, 5), x(4, 5, fill="ties"), FAR):
        case("elementwise", "clamp", [spec], lambda t: torch.clamp(t, low, high), min=low, max=high)

PAIRS = [
    (lambda f: x(fill=f), lambda f: w(fill=f)),
    (lambda f: x(4, 3, fill=f), lambda f: x(4, 3, fill=f)),
    (lambda f: x(4, 3, fill=f), lambda f: w(fill=f)),
    (lambda f: w(3, fill=f), lambda f: x(4, 3, fill=f)),
    (lambda f: x(4, 1, fill=f), lambda f: w(1, 3, fill=f)),
    (lambda f: x(2, 3, 2, 5, fill=f), lambda f: w(5, fill=f)),
    (lambda f: x(2, 1, 2, 3, fill=f), lambda f: x(2, 4, 1, 3, fill=f)),
]
BINARY = {
    "add": (torch.add, (-2, 2), (-2, 2)),
    "sub": (torch.sub, (-2, 2), (-2, 2)),
    "mul": (torch.mul, (-2, 2), (-2, 2)),
    "div": (torch.div, (-2, 2), (0.5, 3)),
    "pow": (torch.pow, (0.2, 3), (-2, 3)),
    "maximum": (torch.maximum, "ties", "ties"),
    "minimum": (torch.minimum, "ties", "ties"),
}
for name, (function, left, right) in BINARY.items():
    for a, b in PAIRS:
        case("elementwise", name, [a(left), b(right)], function)
case("elementwise", "pow", [listed(0.0, 0.0, 0.0, 1.0, 2.0, 3.0), listed(0.0, 1.0, 2.0, 0.0, 1.0, 0.0)], torch.pow)
# PyTorch's gradient of the exponent is NaN for negative bases, ours 0: not asked for
case("elementwise", "pow", [x(3, 4), w(fill={"list": [2.0]}, wanted=False)], torch.pow)
case("elementwise", "pow", [x(3, 4), w(fill={"list": [3.0]}, wanted=False)], torch.pow)
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    case("elementwise", name, [x(4, 3, fill="ties"), w(3, fill="ties")], lambda a, b: getattr(torch, name)(a, b).long())
case("elementwise", "where", [ints(4, 3, high=2), x(4, 3), w(3)], lambda c, a, b: torch.where(c != 0, a, b))
case("elementwise", "where", [ints(4, 1, high=2), x(4, 3), w()], lambda c, a, b: torch.where(c != 0, a, b))
case("elementwise", "where", [ints(3, high=2, batched=False), x(4, 3), x(4, 3)], lambda c, a, b: torch.where(c != 0, a, b))

# Reductions and softmax -----------------------------------------------------------------------------------------------

REDUCTIONS = {
    "sum": (torch.sum, (-2, 2)),
    "mean": (torch.mean, (-2, 2)),
    "max": (torch.amax, "ties"),
    "min": (torch.amin, "ties"),
    "variance": (lambda t, axes, keepdim: torch.var(t, axes, correction=0, keepdim=keepdim), (-2, 2)),
    "logsumexp": (torch.logsumexp, (-2, 2)),
}
for name, (function, fill) in REDUCTIONS.items():
    for shape in ((5,), (4, 3), (2, 3, 4), (2, 2, 3, 2)):
        for bits in range(1, 2 ** len(shape)):
            axes = [axis for axis in range(len(shape)) if bits >> axis & 1]
            if len(shape) == 4 and bits not in (1, 6, 7, 8, 15):
                continue
            keep = bits % 2 == 0
            case("reduce", name, [x(*shape, fill=fill)], lambda t: function(t, axes, keepdim=keep), axes=axes, keepDims=keep)
case("reduce", "logsumexp", [listed(100, -100, 0, 99, -100, -100, -100, -99, shape=[2, 4])], lambda t: torch.logsumexp(t, 1), axes=[1], keepDims=False)
for shape in ((5,), (4, 3), (2, 3, 4)):
    for axis in range(len(shape)):
        for fill in ("ties", "distinct"):
            case("reduce", "argmax", [x(*shape, fill=fill)], lambda t: torch.argmax(t, axis), axis=axis, keepDims=False)
        for name, function in (("softmax", F.softmax), ("logSoftmax", F.log_softmax)):
            case("reduce", name, [x(*shape)], lambda t: function(t, axis), axis=axis)
for name, function in (("softmax", F.softmax), ("logSoftmax", F.log_softmax)):
    case("reduce", name, [listed(100, -100, 0, 99, -100, -100, -100, -99, shape=[2, 4])], lambda t: function(t, 1), axis=1)
    case("reduce", name, [x(3, 10, fill=(-5, 5))], lambda t: function(t, 1), axis=1)

for shape, axis in (((7,), 0), ((4, 3), 0), ((2, 9, 4), 1), ((2, 33), 1)):
    case("reduce", "logCumsumExp", [x(*shape)], lambda t: torch.logcumsumexp(t, axis), axis=axis)
case("reduce", "logCumsumExp", [listed(100, -100, 0, 99, -100, -100, -100, -99, shape=[2, 4])], lambda t: torch.logcumsumexp(t, 1), axis=1)
case("reduce", "logCumsumExp", [x(2, 40, fill=(-30, 30))], lambda t: torch.logcumsumexp(t, 1), axis=1)
for shape, axis in (((6,), 0), ((4, 6), 1), ((2, 4, 3), 1), ((2, 3, 2, 8), 3)):
    case("reduce", "glu", [x(*shape)], lambda t: F.glu(t, axis), axis=axis)
case("reduce", "glu", [listed(1, -100, 100, -100, 2, 3, -100, 100, shape=[2, 4])], lambda t: F.glu(t, 1), axis=1)

# Movement and indexing --------------------------------------------------------------------------------------------------

for shape, to in (([6], [2, 3]), ([4, 3, 2], [4, 6]), ([4, 6], [6, 4]), ([1, 6], [1, 2, 3])):
    case("movement", "reshape", [x(*shape)], lambda t: t.reshape(to), shape=to)
for shape, order in (([3, 5], [1, 0]), ([2, 3, 4], [0, 2, 1]), ([2, 3, 4], [2, 0, 1]), ([2, 3, 2, 4], [0, 3, 1, 2]), ([2, 4, 3, 2], [3, 1, 0, 2])):
    case("movement", "permute", [x(*shape)], lambda t: t.permute(order), order=order)
for shape, to in (([1], [5]), ([3], [4, 3]), ([4, 1], [4, 3]), ([2, 1, 3, 1], [2, 4, 3, 2])):
    case("movement", "expand", [x(*shape)], lambda t: t.expand(to), shape=to)
for shape, ranges in (
    ([4, 5], [[1, 3, 1], [2, 5, 1]]),
    ([4, 5], [[-2, 4, 1], [0, -1, 1]]),
    ([3, 9], [[0, 3, 1], [0, 9, 2]]),
    ([3, 11], [[0, 3, 2], [1, 11, 3]]),
    ([2, 4, 4, 3], [[0, 2, 1], [1, 4, 2], [0, 3, 1], [1, 3, 1]]),
):
    index = tuple(slice(*r) for r in ranges)
    case("movement", "slice", [x(*shape)], lambda t: t[index], ranges=ranges)
for shape, axes in (([3, 4], [1]), ([2, 3, 4, 2], [1, 2]), ([5, 2], [0])):
    case("movement", "flip", [x(*shape)], lambda t: t.flip(axes), axes=axes)
for shape, amounts, value in (([2, 3], [[0, 0], [1, 2]], 0), ([2, 3, 3, 2], [[0, 0], [1, 2], [3, 0], [0, 0]], 1.5)):
    flat = [n for pair in reversed(amounts) for n in pair]
    case("movement", "pad", [x(*shape)], lambda t: F.pad(t, flat, value=value), amounts=amounts, value=value)
for shapes, axis in (([[2, 3], [2, 3]], 0), ([[3, 4], [3, 1], [3, 2]], 1), ([[2, 2, 2, 3], [2, 2, 2, 1], [2, 2, 2, 4]], 3)):
    case("movement", "concat", [x(*shape) for shape in shapes], lambda *t: torch.cat(t, axis), axis=axis)
case("movement", "gather", [x(5, 7), ints(5, 3, high=7)], lambda a, i: torch.gather(a, 1, i), axis=1)
case("movement", "gather", [x(5, 4), ints(3, 4, high=5, batched=False)], lambda a, i: torch.gather(a, 0, i), axis=0)
case("movement", "gather", [x(2, 4, 3), ints(2, 6, 3, high=4)], lambda a, i: torch.gather(a, 1, i), axis=1)
case("movement", "scatterAdd", [ints(4, 6, high=3), x(4, 6)], lambda i, a: torch.zeros(4, 3, dtype=a.dtype).scatter_add(1, i, a), axis=1, shape=[4, 3])
case("movement", "scatterAdd", [ints(6, 2, high=4, batched=False), w(6, 2)], lambda i, a: torch.zeros(4, 2, dtype=a.dtype).scatter_add(0, i, a), axis=0, shape=[4, 2])
case("movement", "embedding", [w(6, 4), ints(3, 4, high=6)], lambda t, i: F.embedding(i, t))
case("movement", "embedding", [w(3, 1), ints(9, high=3)], lambda t, i: F.embedding(i, t))

# Products and convolutions ----------------------------------------------------------------------------------------------

for a, b in (([4, 5], [5, 3]), ([1, 9], [9, 2]), ([6, 1], [1, 4]), ([3, 4, 5], [3, 5, 2]), ([3, 4, 5], [5, 2]), ([4, 5], [3, 5, 2]), ([3, 1, 2, 4], [1, 2, 4, 3])):
    for bits in range(4):
        left, right = bits & 1 == 1, bits & 2 == 2
        flip = lambda shape, yes: shape[:-2] + [shape[-1], shape[-2]] if yes else shape
        case(
            "matmul", "matmul", [w(*flip(a, left)), w(*flip(b, right))],
            lambda p, q: torch.matmul(p.mT if left else p, q.mT if right else q), transposeA=left, transposeB=right,
        )
case("matmul", "linear", [x(5, 6), w(4, 6), w(4)], F.linear)
case("matmul", "linear", [x(5, 6), w(3, 6)], F.linear)
case("matmul", "linear", [x(2, 3, 4), w(5, 4), w(5)], F.linear)

CONVOLUTIONS = [
    ([2, 4, 4, 3], [1, 1], 4, {}),
    ([2, 6, 5, 1], [3, 3], 4, {}),
    ([2, 5, 5, 4], [3, 3], 8, {}),
    ([1, 6, 6, 3], [5, 5], 3, {}),
    ([2, 5, 6, 2], [3, 2], 3, {}),
    ([2, 4, 4, 2], [4, 4], 5, {}),
    ([2, 5, 5, 2], [3, 3], 4, {"padding": 1}),
    ([2, 4, 5, 2], [3, 3], 3, {"padding": [2, 0]}),
    ([2, 4, 4, 2], [1, 1], 3, {"padding": 2}),
    ([1, 1, 4, 2], [1, 1], 2, {"padding": 1, "stride": 3}),
    ([2, 5, 4, 2], [3, 3], 3, {"padding": "same"}),
    ([2, 5, 5, 2], [4, 2], 3, {"padding": "same"}),
    ([2, 6, 6, 2], [3, 3], 3, {"padding": "same", "dilation": 2}),
    ([2, 5, 5, 2], [3, 3], 3, {"padding": "valid"}),
    ([2, 7, 6, 2], [3, 3], 4, {"stride": 2}),
    ([2, 6, 6, 3], [3, 3], 4, {"stride": 2, "padding": 1}),
    ([2, 7, 5, 2], [2, 3], 3, {"stride": [3, 1]}),
    ([2, 8, 8, 1], [2, 2], 3, {"stride": 3}),
    ([2, 7, 7, 2], [3, 3], 3, {"dilation": 2}),
    ([2, 5, 8, 2], [3, 3], 2, {"dilation": [1, 3], "padding": 1}),
    ([1, 9, 8, 2], [3, 3], 2, {"dilation": 2, "stride": 2, "padding": 1}),
    ([2, 5, 5, 4], [3, 3], 6, {"groups": 2}),
    ([2, 4, 5, 6], [3, 3], 3, {"groups": 3, "padding": 1}),
    ([2, 5, 5, 4], [3, 3], 4, {"groups": 4, "padding": 1}),
    ([2, 5, 5, 3], [3, 3], 6, {"groups": 3}),
    ([1, 7, 7, 4], [3, 3], 4, {"groups": 4, "dilation": 2, "padding": 2}),
    ([2, 7, 6, 4], [3, 3], 4, {"groups": 4, "stride": 2, "padding": 1}),
]
for shape, kernel, out, options in CONVOLUTIONS:
    weight = w(*kernel, shape[3] // options.get("groups", 1), out, fill=(-1, 1))
    case("conv", "conv2d", [x(*shape, fill=(-1, 1)), weight], lambda t, k: nhwc(F.conv2d(nchw(t), k.permute(3, 2, 0, 1), **options)), **options)

POOLS = [
    ([2, 4, 6, 3], 2, {}),
    ([2, 5, 7, 2], 2, {}),
    ([1, 6, 6, 1], 3, {}),
    ([2, 3, 4, 2], [3, 4], {}),
    ([2, 5, 5, 3], 3, {"stride": 2}),
    ([2, 5, 6, 2], 3, {"stride": 2, "padding": 1}),
    ([2, 4, 4, 2], 2, {"stride": 1}),
    ([2, 4, 4, 3], 3, {"stride": 1, "padding": 1}),
    ([1, 8, 7, 2], 2, {"stride": 3}),
    ([2, 5, 6, 2], [3, 1], {"stride": [1, 2]}),
    ([2, 4, 6, 2], [2, 3], {"padding": [1, 0]}),
]
for shape, kernel, options in POOLS:
    for fill in ("ties", "distinct"):
        case("pool", "maxPool2d", [x(*shape, fill=fill)], lambda t: nhwc(F.max_pool2d(nchw(t), kernel, **options)), kernel=kernel, **options)
    for counted in (True, False) if "padding" in options else (True,):
        case(
            "pool", "avgPool2d", [x(*shape)],
            lambda t: nhwc(F.avg_pool2d(nchw(t), kernel, count_include_pad=counted, **options)),
            kernel=kernel, countIncludePad=counted, **options,
        )
for shape, size in (([2, 5, 5, 3], 1), ([2, 6, 6, 2], 3), ([2, 7, 5, 2], 3), ([2, 5, 8, 2], [2, 3]), ([1, 3, 3, 2], 5), ([1, 10, 7, 1], [4, 7])):
    case("pool", "adaptiveAvgPool2d", [x(*shape)], lambda t: nhwc(F.adaptive_avg_pool2d(nchw(t), size)), size=size)
case("pool", "globalAvgPool2d", [x(3, 4, 5, 3)], lambda t: t.mean((1, 2)))

# Norms ------------------------------------------------------------------------------------------------------------------

SMALL, SCALE = (-0.5, 0.5), (0.5, 1.5)
channels_first = lambda t: t.movedim(-1, 1)
channels_last = lambda t: t.movedim(1, -1)
for shape in ([3, 3, 3, 4], [2, 2, 3, 3], [5, 4]):
    c = shape[-1]
    vectors = [w(c, fill=SMALL), w(c, fill=SCALE), w(c, fill=SCALE), w(c, fill=SMALL)]
    # torch.batch_norm gives no gradient to given statistics, so the formula is written out
    case("norm", "batchNorm", [x(*shape), *vectors], lambda t, m, v, g, b: (t - m) / torch.sqrt(v + 1e-5) * g + b, eps=1e-5)
    case(
        "norm", "batchNormTraining", [x(*shape), *vectors[2:]],
        lambda t, g, b: channels_last(F.batch_norm(channels_first(t), None, None, g, b, training=True, eps=1e-3)), eps=1e-3,
    )
for shape, axes in (([5, 6], 1), ([2, 3, 4], 1), ([3, 2, 5], 2)):
    normal = shape[-axes:]
    case("norm", "layerNorm", [x(*shape), w(*normal), w(*normal)], lambda t, g, b: F.layer_norm(t, normal, g, b, 1e-5), eps=1e-5)
for shape, axes, eps in (([5, 6], 1, None), ([2, 3, 4], 1, 1e-5), ([3, 2, 5], 2, 1e-6), ([4, 33], 1, 1e-5)):
    # Without eps PyTorch takes that of the input's type, which is float64 here.
    rms = lambda t, g: F.rms_norm(t, g.shape, g, torch.finfo(torch.float32).eps if eps is None else eps)
    case("norm", "rmsNorm", [x(*shape), w(*shape[-axes:])], rms, **({} if eps is None else {"eps": eps}))


def rope(t, style, theta=10000, offset=0, dims=None, positions=None):
    """[B, T, ..., D], as Hugging Face (half) and llama2.c (pairs) have it."""
    dims = dims or t.shape[-1]
    inverse = theta ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
    at = offset + torch.arange(t.shape[1])[None] if positions is None else positions
    angle = at[..., None] * inverse
    angle = angle.reshape(*angle.shape[:2], *[1] * (t.dim() - 3), dims // 2)
    cos, sin = angle.cos(), angle.sin()
    front, tail = t[..., :dims], t[..., dims:]
    a, b = (front[..., : dims // 2], front[..., dims // 2 :]) if style == "half" else (front[..., ::2], front[..., 1::2])
    a, b = a * cos - b * sin, b * cos + a * sin
    turned = torch.cat([a, b], -1) if style == "half" else torch.stack([a, b], -1).flatten(-2)
    return torch.cat([turned, tail], -1)


for style in ("half", "pairs"):
    case("norm", "rope", [x(2, 5, 3, 8)], lambda t: rope(t, style), style=style)
    case("norm", "rope", [x(1, 3, 6)], lambda t: rope(t, style, 500, 1000), style=style, theta=500, position=1000)
    case("norm", "rope", [x(2, 3, 2, 7)], lambda t: rope(t, style, dims=4), style=style, dims=4)
    case(
        "norm", "rope", [x(2, 3, 2, 4), ints(2, 3, high=4000)], lambda t, p: rope(t, style, positions=p),
        style=style, positions=4096,
    )
for shape, groups in (([2, 3, 3, 4], 2), ([2, 2, 3, 6], 1), ([2, 3, 2, 3], 3), ([4, 6], 2)):
    c = shape[-1]
    case(
        "norm", "groupNorm", [x(*shape), w(c), w(c)],
        lambda t, g, b: channels_last(F.group_norm(channels_first(t), groups, g, b, 1e-5)), groups=groups, eps=1e-5,
    )

# Attention --------------------------------------------------------------------------------------------------------------


def attend(q, k, v, *masks, position=False, length=False, causal=False, scale=None):
    """[B, T, H, D] with [B, S, G, D]; query i of a sample sees keys up to position + i and before length."""
    masks = list(masks)
    (B, T, H, _), (_, S, G, _) = q.shape, k.shape
    seen = torch.ones(B, 1, T, S, dtype=torch.bool)
    start = masks.pop(0).reshape(-1, 1, 1, 1) if position else 0
    if causal or position:
        seen &= torch.arange(S) <= start + torch.arange(T)[:, None]
    if length:
        seen &= torch.arange(S) < masks.pop(0).reshape(-1, 1, 1, 1)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale, enable_gqa=G != H).transpose(1, 2)


def counts(*numbers, shape=None):
    spec = ints(*([len(numbers)] if shape is None else shape))
    return {**spec, "fill": {"list": list(numbers)}}


for (B, T, S, H, G, D), masks, attrs in (
    ((2, 4, 6, 2, 2, 4), [], {}),
    ((1, 5, 5, 4, 2, 8), [], {"causal": True}),
    ((2, 3, 9, 6, 2, 3), [], {"scale": 0.25}),
    ((2, 3, 11, 2, 1, 4), [counts(8, shape=[])], {"position": True}),
    ((3, 4, 9, 2, 2, 4), [counts(0, 5, 7)], {"position": True}),
    ((3, 4, 9, 2, 2, 4), [counts(9, 3, 0)], {"length": True}),
    ((2, 5, 8, 1, 1, 5), [counts(-2, 3), counts(8, 2)], {"position": True, "length": True}),
):
    arrays = [x(B, T, H, D), x(B, S, G, D), x(B, S, G, D)]
    case("attention", "attention", [*arrays, *masks], lambda *t: attend(*t, **attrs), **attrs)
for (B, T, H, G, D), masks, attrs in (
    ((2, 7, 3, 3, 4), [], {"causal": True}),
    ((1, 30, 4, 2, 6), [], {"causal": True}),
    ((2, 5, 2, 1, 4), [counts(3, 5)], {"length": True}),
):
    split = lambda t: (t[:, :, :H], t[:, :, H : H + G], t[:, :, H + G :])
    inputs = [x(B, T, H + 2 * G, D), *masks]
    case("attention", "selfAttention", inputs, lambda t, *m: attend(*split(t), *m, **attrs), heads=H, **attrs)

case("norm", "swiglu", [x(3, 4, 6), x(3, 4, 6)], lambda a, b: F.silu(a) * b)

# Losses -----------------------------------------------------------------------------------------------------------------

for reduction in ("mean", "sum", "none"):
    for weight in (None, [0.5, 0.75, 1.0, 1.5, 2.0]):
        tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)
        extra = {"reduction": reduction} if weight is None else {"reduction": reduction, "weight": weight}
        for smoothing in (0.0, 0.1):
            loss = lambda t, y: F.cross_entropy(t, y, weight=tensor, reduction=reduction, label_smoothing=smoothing)
            case("loss", "crossEntropy", [x(6, 5), ints(6, high=5)], loss, labelSmoothing=smoothing, **extra)
            case("loss", "crossEntropy", [x(4, 5), x(4, 5, fill=(0, 1))], loss, labelSmoothing=smoothing, **extra)
        case("loss", "nllLoss", [x(6, 5), ints(6, high=5)], lambda t, y: F.nll_loss(t, y, weight=tensor, reduction=reduction), **extra)
# The classes are the last axis here and the second in PyTorch.
classes_second = lambda t: t.movedim(-1, 1)
for reduction in ("mean", "sum", "none"):
    for smoothing in (0.0, 0.1):
        for weight in (None, [0.5, 0.75, 1.0, 1.5, 2.0]):
            tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)
            extra = {"reduction": reduction} if weight is None else {"reduction": reduction, "weight": weight}
            loss = lambda t, y, **more: F.cross_entropy(
                classes_second(t), y, weight=tensor, reduction=reduction, label_smoothing=smoothing, **more
            )
            case("loss", "crossEntropy", [x(3, 4, 5), ints(3, 4, high=5)], loss, labelSmoothing=smoothing, **extra)
            case(
                "loss", "crossEntropy", [x(2, 3, 2, 5), ints(2, 3, 2, high=5)],
                lambda t, y: loss(t, y, ignore_index=1), labelSmoothing=smoothing, ignoreIndex=1, **extra,
            )
            soft = lambda t, y: loss(t, classes_second(y))
            case("loss", "crossEntropy", [x(2, 3, 5), x(2, 3, 5, fill=(0, 1))], soft, labelSmoothing=smoothing, **extra)
            if smoothing == 0:
                case(
                    "loss", "nllLoss", [x(3, 4, 5), ints(3, 4, high=5)],
                    lambda t, y: F.nll_loss(classes_second(t), y, weight=tensor, reduction=reduction, ignore_index=2),
                    ignoreIndex=2, **extra,
                )
# Rows too long to be smoothed in memory.
long = lambda t, y: F.cross_entropy(t, y, label_smoothing=0.1)
case("loss", "crossEntropy", [x(2, 1030), ints(2, high=1030)], long, labelSmoothing=0.1)
heavy = [0.5 + 0.25 * (k % 7) for k in range(1030)]
long = lambda t, y: F.cross_entropy(t, y, weight=torch.tensor(heavy, dtype=torch.float64), label_smoothing=0.1)
case("loss", "crossEntropy", [x(2, 1030), ints(2, high=1030)], long, labelSmoothing=0.1, weight=heavy)
case("loss", "crossEntropy", [listed(100, -100, 0, -100, 100, -100, shape=[2, 3]), ints(2, high=3)], F.cross_entropy)
case("loss", "mseLoss", [x(3, 4), x(3, 4)], F.mse_loss)
case("loss", "mseLoss", [x(2, 3, 2, 2), x(2, 3, 2, 2, wanted=False)], F.mse_loss)
case("loss", "bceWithLogits", [x(3, 4), x(3, 4, fill=(0, 1))], F.binary_cross_entropy_with_logits)
case("loss", "bceWithLogits", [listed(100, -100, 100, -100, 0.0), x(5, fill={"list": [1, 0, 0, 1, 0.5]}, wanted=False)], F.binary_cross_entropy_with_logits)

# CTC: the batch comes first here and the time in PyTorch. Each row: classes, time, blank, targets, frames, lengths.
CTC = [
    (5, 6, 0, [[1, 2]], [6], [2]),
    (5, 6, 0, [[3, 3, 4]], [6], [3]),
    (5, 4, 0, [[3, 3, 4]], [4], [3]),
    (4, 5, 0, [[2, 1]], [5], [0]),
    (3, 1, 0, [[2]], [1], [1]),
    (3, 7, 0, [[1, 1, 1], [2, 1, 2]], [7, 6], [3, 3]),
    (6, 9, 0, [[1, 2, 3, 4], [5, 5, 0, 0], [4, 0, 0, 0], [0, 0, 0, 0]], [9, 6, 2, 4], [4, 2, 1, 0]),
    (4, 6, 3, [[0, 1, 1], [2, 0, 2]], [6, 5], [3, 3]),
    (5, 8, 2, [[0, 1, 1, 4], [3, 3, 3, 0]], [8, 7], [4, 3]),
    (4, 6, 0, [[1, 0, 1]], [6], [3]),
    (11, 24, 10, [[4, 0, 7, 9, 9, 9, 3, 2], [1, 1, 2, 2, 3, 3, 4, 4], [5, 0, 0, 0, 0, 0, 0, 0]], [24, 24, 13], [8, 8, 1]),
    (5, 3, 0, [[3, 3, 4], [1, 2, 3], [0, 0, 0]], [3, 3, 2], [3, 3, 0]),
    (5, 3, 0, [[1, 2], [1, 2]], [0, 3], [1, 2]),
    (3, 2, 0, [[1], [2]], [0, 2], [0, 1]),
]
for C, T, blank, targets, frames, lengths in CTC:
    whole = lambda *shape, numbers: {**ints(*shape), "fill": {"list": numbers}}
    N, L = len(targets), len(targets[0])
    inputs = [
        x(N, T, C, fill=(-3, 3)), whole(N, L, numbers=sum(targets, [])), whole(N, numbers=frames), whole(N, numbers=lengths)
    ]
    for reduction in ("mean", "sum", "none"):
        for zero in (False, True):
            case(
                "ctc", "ctcLoss", inputs,
                lambda logits, *others: F.ctc_loss(
                    F.log_softmax(logits.movedim(0, 1), -1), *others, blank=blank, reduction=reduction, zero_infinity=zero
                ),
                blank=blank, reduction=reduction, zeroInfinity=zero,
            )

# Networks that are sure of their strings: gradients are small differences of numbers near 1.
for blank, classes, rows in [
    (0, 6, [[0, 1, 1, 0, 1, 0, 2, 3, 3, 0, 0, 4], [5, 0, 4, 4, 0, 3, 0, 3, 2, 2, 1, 0]]),
    (3, 4, [[3, 0, 3, 0, 1, 3, 2, 2, 3], [2, 1, 0, 3, 0, 3, 0, 1, 2]]),
]:
    N, T = len(rows), len(rows[0])
    targets = [[c for t, c in enumerate(row) if c != blank and (t == 0 or row[t - 1] != c)] for row in rows]
    L = max(map(len, targets))
    noise = uniform_noise(5, N * T * classes, -2, 2).reshape(N, T, classes)
    logits = np.round(noise * 64) / 64
    for n, row in enumerate(rows):
        for t, c in enumerate(row):
            logits[n, t, c] += 12
    padded = sum((labels + [0] * (L - len(labels)) for labels in targets), [])
    case(
        "ctc", "ctcLoss",
        [
            x(N, T, classes, fill={"list": logits.reshape(-1).tolist()}),
            whole(N, L, numbers=padded), whole(N, numbers=[T] * N), whole(N, numbers=[len(labels) for labels in targets]),
        ],
        lambda logits, *others: F.ctc_loss(
            F.log_softmax(logits.movedim(0, 1), -1), *others, blank=blank, reduction="sum"
        ),
        blank=blank, reduction="sum", zeroInfinity=False,
    )
    FAMILIES["ctc"][-1]["within"] = 5e-6

OUT.mkdir(exist_ok=True)
for family, entries in FAMILIES.items():
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    (OUT / f"{family}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{family}: {len(entries)} cases")
