"""Makes golden training runs with PyTorch: for each named network, the losses of 20 steps by two optimisers.

    pip install torch==2.13 numpy
    python test/golden/make_training.py

Initial weights and pictures come from the hash of noise.py, which the test repeats, so that neither is stored; what is
dropped comes from the generator that the engine uses too, written once more in noise.py. Computed in float64; float32 is run beside it, and the script prints by how much it differs.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from noise import hash32, integer_noise, step_uniform, uniform_noise

STEPS, BATCH, BATCHES = 20, 8, 4
KEY = 7  # of the random numbers, with the step
UNIT, MNIST, SYMMETRIC = (0.0, 1.0), (0.1307, 0.3081), (0.5, 0.5)


class TwoConv(nn.Module):
    def __init__(self, kernels, padding, features, hidden):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernels[0], padding=padding)
        self.conv2 = nn.Conv2d(32, 64, kernels[1], padding=padding)
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SeparableConv(nn.Module):
    def __init__(self, inputs, outputs, dilation):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, dilation=dilation, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Separable(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        self.conv1 = SeparableConv(1, 16, dilation)
        self.conv2 = SeparableConv(16, 32, dilation)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.flatten(1))))))


class Strided(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, stride=2)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.fc1 = nn.Linear(512, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x[:, :, 2:-2, 2:-2]))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SeparableConv3x3(nn.Module):
    """Without biases: a batch norm follows."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class StepDropout(nn.Module):
    """Dropout of the elements for which the first draw of a step is less than p; `step` is set before each."""

    def __init__(self, p):
        super().__init__()
        self.p, self.step = p, 0

    def forward(self, x):
        kept = torch.tensor(step_uniform((KEY, self.step), 0, x.numel()) >= np.float32(self.p)).reshape(x.shape)
        return x * kept / (1 - self.p)


class Ductus(nn.Module):
    """Layers: ("full" or "separable", output channels, kernel size, whether pooled before the norm), or None for a pool."""

    def __init__(self, layers, channels=1, classes=10, dropout=0):
        super().__init__()
        features = []
        for layer in layers:
            if layer is None:
                features.append(nn.MaxPool2d(2))
                continue
            kind, outputs, size, pooled = layer if len(layer) == 4 else (*layer, 3, False)
            conv = nn.Conv2d(channels, outputs, size, padding=size // 2, bias=False) if kind == "full" else SeparableConv3x3(channels, outputs)
            features += [conv, *([nn.MaxPool2d(2)] if pooled else []), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        self.features = nn.Sequential(*features)
        self.dropout = StepDropout(dropout) if dropout > 0 else nn.Identity()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(self.dropout(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1)))


DUCTUS_MICRO = [("full", 8), None, ("separable", 16), ("separable", 16), None, ("separable", 16), ("separable", 16)]
DUCTUS_S = [("full", 16), ("full", 16), None, ("full", 16), None, ("separable", 32), ("separable", 32)]
DUCTUS_M = [("full", 24, 5, True), ("full", 48), ("full", 48, 3, True), ("full", 64), ("full", 64)]
DUCTUS_L = [("full", c, 3, last and c < 96) for c in (32, 64, 96) for last in (False, False, True)]
DUCTUS_L5 = [("full", 32, 5, False), ("full", 32, 5, True), *DUCTUS_L[3:]]


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


# Network, mean and standard deviation of the pixels, learning rates of SGD and Adam. The rates are moderate: where two
# inputs of a max-pooling differ by less than float32 can tell, a gradient takes another way, and large steps blow that up;
# and a loss that falls to nearly 0 is a difference of logits, known no better than these.
NETWORKS = {
    "cnn-5x5": (lambda: TwoConv((5, 5), 0, 1024, 1024), SYMMETRIC, (0.01, 0.0003)),
    "cnn-3x3": (lambda: TwoConv((3, 3), 0, 1600, 128), UNIT, (0.01, 0.001)),
    "cnn-5x3": (lambda: TwoConv((5, 3), 0, 1600, 128), MNIST, (0.01, 0.0003)),
    "separable": (lambda: Separable(1), MNIST, (0.1, 0.03)),
    "separable-dilated": (lambda: Separable(2), MNIST, (0.1, 0.03)),
    "cnn-same": (lambda: TwoConv((3, 3), 1, 3136, 1024), UNIT, (0.03, 0.0003)),
    "cnn-strided": (Strided, MNIST, (0.03, 0.001)),
    "ductus-micro": (lambda: Ductus(DUCTUS_MICRO), MNIST, (0.01, 0.001)),
    "ductus-s": (lambda: Ductus(DUCTUS_S), MNIST, (0.01, 0.001)),
    "ductus-m": (lambda: Ductus(DUCTUS_M, dropout=0.3), MNIST, (0.01, 0.0003)),
    "ductus-l": (lambda: Ductus(DUCTUS_L, dropout=0.3), MNIST, (0.0001, 0.00003)),
    "ductus-l5": (lambda: Ductus(DUCTUS_L5, dropout=0.3), MNIST, (0.0001, 0.00003)),
    "lenet5": (LeNet5, MNIST, (0.03, 0.003)),
    "mlp": (Mlp, MNIST, (0.01, 0.001)),
}
OPTIMIZERS = {
    "sgd": lambda parameters, rates: torch.optim.SGD(parameters, lr=rates[0], momentum=0.9),
    "adam": lambda parameters, rates: torch.optim.Adam(parameters, lr=rates[1]),
}


def picture(index, label):
    """28×28 bytes: a coarse pattern of the class, under noise."""
    cells = (hash32(100 + label, 49) & 1).reshape(7, 7).repeat(4, 0).repeat(4, 1)
    return (cells * 180 + (hash32(200 + index, 784) % 64).reshape(28, 28)).astype(np.uint8)


def load_weights(network):
    """Uniform within ±1/√(fan in), as PyTorch's default; the bias of a layer has the bound of its weight."""
    fan = {}
    for i, (name, parameter) in enumerate(network.named_parameters()):
        layer, kind = name.rsplit(".", 1)
        if kind == "weight":
            fan[layer] = math.prod(parameter.shape[1:])
        bound = 1 / math.sqrt(fan[layer])
        with torch.no_grad():
            values = uniform_noise(1000 + i, parameter.numel(), -bound, bound)
            parameter.copy_(torch.tensor(values).reshape(parameter.shape))


def train(name, optimizer_name, dtype):
    build, (mean, std), rates = NETWORKS[name]
    network = build().to(dtype)
    load_weights(network)
    labels = integer_noise(99, BATCH * BATCHES, 0, 10)
    bytes_ = np.stack([picture(i, int(label)) for i, label in enumerate(labels)])
    pictures = (torch.tensor(bytes_).to(dtype)[:, None] / 255 - mean) / std
    targets = torch.tensor(labels, dtype=torch.int64)
    optimizer = OPTIMIZERS[optimizer_name](network.parameters(), rates)
    losses = []
    for step in range(STEPS):
        for module in network.modules():
            if isinstance(module, StepDropout):
                module.step = step
        part = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        loss = F.cross_entropy(network(pictures[part]), targets[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return network, losses


runs = []
for name in NETWORKS:
    run = {"model": name, "rates": dict(zip(OPTIMIZERS, NETWORKS[name][2])), "losses": {}}
    for optimizer in OPTIMIZERS:
        network, losses = train(name, optimizer, torch.float64)
        run["parameters"] = [[key, list(p.shape)] for key, p in network.named_parameters()]
        run["losses"][optimizer] = [float(f"{loss:.8g}") for loss in losses]
        _, single = train(name, optimizer, torch.float32)
        worst = max(abs(a - b) / a for a, b in zip(losses, single))
        print(f"{name} {optimizer}: {losses[0]:.4f} → {losses[-1]:.4f}, float32 differs by {worst:.1e}")
    runs.append(json.dumps(run, separators=(",", ":")))
path = pathlib.Path(__file__).parent / "training.json"
path.write_text("[\n" + ",\n".join(runs) + "\n]\n")
