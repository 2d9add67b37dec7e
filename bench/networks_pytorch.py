"""
The networks of `ductus info` in PyTorch, with its names of parameters, and the normalization and optimizer of each; what the
benchmarks run beside Ductus, and what golden values and training runs are made with. Pictures have `side` pixels on both sides.
"""

from functools import partial

import torch
from torch import nn
import torch.nn.functional as F


class TwoConv(nn.Module):
    def __init__(self, kernels, padding, hidden, side=28, channels=1, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, kernels[0], padding=padding)
        self.conv2 = nn.Conv2d(32, 64, kernels[1], padding=padding)
        for kernel in kernels:
            side = (side + 2 * padding - kernel + 1) // 2
        self.fc1 = nn.Linear(64 * side * side, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SeparableConv(nn.Module):
    def __init__(self, inputs, outputs, dilation=1, bias=True):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, dilation=dilation, groups=inputs, bias=bias)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=bias)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Separable(nn.Module):
    def __init__(self, dilation, side=28, channels=1, classes=10):
        super().__init__()
        self.conv1 = SeparableConv(channels, 16, dilation)
        self.conv2 = SeparableConv(16, 32, dilation)
        self.fc = nn.Linear(32, classes)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class LeNet5(nn.Module):
    def __init__(self, side=28, channels=1, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * ((side // 2 - 4) // 2) ** 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.flatten(1))))))


class Strided(nn.Module):
    def __init__(self, side=28, channels=1, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 5, stride=2)
        self.conv2 = nn.Conv2d(16, 32, 3)
        side = (((side - 4) - 5) // 2 + 1 - 2) // 2
        self.fc1 = nn.Linear(32 * side * side, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        x = F.relu(self.conv1(x[:, :, 2:-2, 2:-2]))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Ductus(nn.Module):
    """
    Layers: ("full" or "separable", output channels, kernel size, whether pooled before the norm), or None for a pool.
    Convolutions have no biases, as a batch norm follows. Before fc comes dropout, of so large a share or as a module of one's own.
    """

    def __init__(self, layers, dropout=0.0, side=28, channels=1, classes=10):
        super().__init__()
        features = []
        for layer in layers:
            if layer is None:
                features.append(nn.MaxPool2d(2))
                continue
            kind, outputs, size, pooled = layer if len(layer) == 4 else (*layer, 3, False)
            if kind == "full":
                conv = nn.Conv2d(channels, outputs, size, padding=size // 2, bias=False)
            else:
                conv = SeparableConv(channels, outputs, bias=False)
            features += [conv, *([nn.MaxPool2d(2)] if pooled else []), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        self.features = nn.Sequential(*features)
        self.dropout = dropout if isinstance(dropout, nn.Module) else nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(self.dropout(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1)))


DUCTUS_MICRO = [("full", 8), None, ("separable", 16), ("separable", 16), None, ("separable", 16), ("separable", 16)]
DUCTUS_S = [("full", 16), ("full", 16), None, ("full", 16), None, ("separable", 32), ("separable", 32)]
DUCTUS_M = [("full", 24, 5, True), ("full", 48), ("full", 48, 3, True), ("full", 64), ("full", 64)]
DUCTUS_L = [("full", c, 3, last and c < 96) for c in (32, 64, 96) for last in (False, False, True)]
DUCTUS_L5 = [("full", 32, 5, False), ("full", 32, 5, True), *DUCTUS_L[3:]]
DUCTUS_XL = [("full", 64, 3, layer == 5) for layer in range(9)]


class Mlp(nn.Module):
    def __init__(self, side=28, channels=1, classes=10):
        super().__init__()
        self.fc1 = nn.Linear(side * side * channels, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


UNIT, MNIST, HALF = (0.0, 1.0), (0.1307, 0.3081), (0.5, 0.5)
# name: (network, which may be given side, channels and classes; mean and standard deviation of pixels in 0 … 1)
MODELS = {
    "cnn-3x3": (partial(TwoConv, (3, 3), 0, 128), UNIT),
    "cnn-5x5": (partial(TwoConv, (5, 5), 0, 1024), HALF),
    "cnn-5x3": (partial(TwoConv, (5, 3), 0, 128), MNIST),
    "separable": (partial(Separable, 1), MNIST),
    "separable-dilated": (partial(Separable, 2), MNIST),
    "cnn-same": (partial(TwoConv, (3, 3), 1, 1024), UNIT),
    "cnn-strided": (Strided, MNIST),
    "lenet5": (LeNet5, MNIST),
    "mlp": (Mlp, MNIST),
    "ductus-micro": (partial(Ductus, DUCTUS_MICRO), MNIST),
    "ductus-s": (partial(Ductus, DUCTUS_S), MNIST),
    "ductus-m": (partial(Ductus, DUCTUS_M, 0.3), MNIST),
    "ductus-l": (partial(Ductus, DUCTUS_L, 0.3), MNIST),
    "ductus-l5": (partial(Ductus, DUCTUS_L5, 0.3), MNIST),
    "ductus-xl": (partial(Ductus, DUCTUS_XL, 0.3), MNIST),
}

ADAM = lambda p: torch.optim.Adam(p, lr=1e-3)
QUICK_ADAM = lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.7, 0.9))
adamw = lambda lr: lambda p: torch.optim.AdamW(p, lr=lr, betas=(0.9, 0.99), weight_decay=1e-4)
SGD = lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)
# name: (optimizer, batch, epochs)
PUBLISHED_TRAINING = {
    "cnn-3x3": (ADAM, 64, 5),
    "cnn-5x5": (SGD, 100, 2),
    "cnn-5x3": (SGD, 64, 10),
    "separable": (ADAM, 64, 10),
    "separable-dilated": (ADAM, 64, 10),
    "cnn-same": (ADAM, 64, 5),
    "cnn-strided": (QUICK_ADAM, 256, 3),
    "lenet5": (ADAM, 64, 10),
    "mlp": (ADAM, 64, 10),
}
# ductus-micro is trained by Muon in Ductus, which torch.optim.Muon is not for: it takes no filters of convolutions.
OWN_TRAINING = {
    "ductus-micro": (adamw(1e-2), 128, 30),
    "ductus-s": (adamw(1e-2), 128, 30),
    "ductus-m": (adamw(8e-3), 128, 30),
    "ductus-l": (adamw(8e-3), 128, 20),
    "ductus-l5": (adamw(8e-3), 128, 20),
    "ductus-xl": (adamw(8e-3), 128, 20),
}
# name: (network, normalization, optimizer, batch, epochs)
NETWORKS = {name: (*MODELS[name], *training) for name, training in {**PUBLISHED_TRAINING, **OWN_TRAINING}.items()}
PUBLISHED = {name: NETWORKS[name] for name in PUBLISHED_TRAINING}
