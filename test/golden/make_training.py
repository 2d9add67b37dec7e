"""Makes golden training runs with PyTorch: for each named network, the losses of 20 steps by two optimizers.

    pip install torch==2.13 numpy
    python test/golden/make_training.py

Initial weights and pictures come from the hash of noise.py, which the test repeats, so that neither is stored; what is
dropped comes from the generator that the engine uses too, written once more in noise.py. Computed in float64; float32 is run beside it, and the script prints by how much it differs.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from noise import hash32, integer_noise, step_uniform, uniform_noise

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from networks_pytorch import MODELS, Ductus

STEPS, BATCH, BATCHES = 20, 8, 4
KEY = 7  # of the random numbers, with the step


class StepDropout(nn.Module):
    """Dropout of the elements for which the first draw of a step is less than p; `step` is set before each."""

    def __init__(self, p):
        super().__init__()
        self.p, self.step = p, 0

    def forward(self, x):
        kept = torch.tensor(step_uniform((KEY, self.step), 0, x.numel()) >= np.float32(self.p)).reshape(x.shape)
        return x * kept / (1 - self.p)


# Learning rates of SGD and Adam. They are moderate: where two inputs of a max-pooling differ by less than float32 can tell,
# a gradient takes another way, and large steps blow that up; and a loss that falls to nearly 0 is a difference of logits,
# known no better than these.
RATES = {
    "cnn-5x5": (0.01, 0.0003),
    "cnn-3x3": (0.01, 0.001),
    "cnn-5x3": (0.01, 0.0003),
    "separable": (0.1, 0.03),
    "separable-dilated": (0.1, 0.03),
    "cnn-same": (0.03, 0.0003),
    "cnn-strided": (0.03, 0.001),
    "ductus-micro": (0.01, 0.001),
    "ductus-s": (0.01, 0.001),
    "ductus-m": (0.01, 0.0003),
    "ductus-l": (0.0001, 0.00003),
    "ductus-l5": (0.0001, 0.00003),
    "ductus-xl": (0.0001, 0.00003),
    "lenet5": (0.03, 0.003),
    "mlp": (0.01, 0.001),
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
    make, (mean, std) = MODELS[name]
    network = make().to(dtype)
    if isinstance(network, Ductus):
        network.dropout = StepDropout(network.dropout.p)
    load_weights(network)
    labels = integer_noise(99, BATCH * BATCHES, 0, 10)
    bytes_ = np.stack([picture(i, int(label)) for i, label in enumerate(labels)])
    pictures = (torch.tensor(bytes_).to(dtype)[:, None] / 255 - mean) / std
    targets = torch.tensor(labels, dtype=torch.int64)
    optimizer = OPTIMIZERS[optimizer_name](network.parameters(), RATES[name])
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
for name in RATES:
    run = {"model": name, "rates": dict(zip(OPTIMIZERS, RATES[name])), "losses": {}}
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
