"""The networks of `ductus info` in PyTorch, each with its normalisation and optimiser; what the benchmarks run beside Ductus."""

import torch
from torch import nn
import torch.nn.functional as F


class TwoConv(nn.Module):
    def __init__(self, k1, k2, hidden, features, pad=0):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, k1, padding=pad)
        self.conv2 = nn.Conv2d(32, 64, k2, padding=pad)
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Separable(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        def block(i, o):
            return nn.Sequential(nn.Conv2d(i, i, 3, padding=1, dilation=dilation, groups=i), nn.Conv2d(i, o, 1))
        self.conv1, self.conv2, self.fc = block(1, 16), block(16, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


class Strided(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 5, stride=2), nn.Conv2d(16, 32, 3)
        self.fc1, self.fc2 = nn.Linear(512, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x[:, :, 2:-2, 2:-2]))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.flatten(1))))))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 128), nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class DepthwiseSeparable(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, i, 3, padding=1, groups=i, bias=False), nn.Conv2d(i, o, 1, bias=False))


class Ductus(nn.Module):
    """Layers: a pool, or (full or separable, channels, kernel size, pooled before the norm); then global average and fc."""

    def __init__(self, layers, dropout=0.0):
        super().__init__()
        features, inputs = [], 1
        for layer in layers:
            if layer == POOL:
                features.append(nn.MaxPool2d(2))
                continue
            kind, outputs, size, pooled = layer
            if kind == "full":
                features.append(nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False))
            else:
                features.append(DepthwiseSeparable(inputs, outputs))
            features += [*([nn.MaxPool2d(2)] if pooled else []), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        self.features, self.dropout, self.fc = nn.Sequential(*features), nn.Dropout(dropout), nn.Linear(inputs, 10)

    def forward(self, x):
        return self.fc(self.dropout(self.features(x).mean((2, 3))))


POOL = "pool"
full = lambda channels, size=3, pooled=False: ("full", channels, size, pooled)
separable = lambda channels: ("separable", channels, 3, False)
DUCTUS_MICRO = [full(8), POOL, separable(16), separable(16), POOL, separable(16), separable(16)]
DUCTUS_S = [full(16), full(16), POOL, full(16), POOL, separable(32), separable(32)]
DUCTUS_M = [full(24, 5, True), full(48), full(48, 3, True), full(64), full(64)]
DUCTUS_L = [full(channels, 3, last and channels < 96) for channels in (32, 64, 96) for last in (False, False, True)]
DUCTUS_L5 = [full(32, 5), full(32, 5, True), *DUCTUS_L[3:]]

UNIT, MNIST, HALF = (0.0, 1.0), (0.1307, 0.3081), (0.5, 0.5)
ADAM = lambda p: torch.optim.Adam(p, lr=1e-3)
QUICK_ADAM = lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.7, 0.9))
adamw = lambda lr: lambda p: torch.optim.AdamW(p, lr=lr, betas=(0.9, 0.99), weight_decay=1e-4)
SGD = lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)
# name: (network, normalisation, optimiser, batch, epochs)
PUBLISHED = {
    "cnn-3x3": (lambda: TwoConv(3, 3, 128, 1600), UNIT, ADAM, 64, 5),
    "cnn-5x5": (lambda: TwoConv(5, 5, 1024, 1024), HALF, SGD, 100, 2),
    "cnn-5x3": (lambda: TwoConv(5, 3, 128, 1600), MNIST, SGD, 64, 10),
    "separable": (lambda: Separable(1), MNIST, ADAM, 64, 10),
    "separable-dilated": (lambda: Separable(2), MNIST, ADAM, 64, 10),
    "cnn-same": (lambda: TwoConv(3, 3, 1024, 3136, 1), UNIT, ADAM, 64, 5),
    "cnn-strided": (Strided, MNIST, QUICK_ADAM, 256, 3),
    "lenet5": (LeNet5, MNIST, ADAM, 64, 10),
    "mlp": (Mlp, MNIST, ADAM, 64, 10),
}
OWN = {
    "ductus-micro": (lambda: Ductus(DUCTUS_MICRO), MNIST, adamw(1e-2), 128, 30),
    "ductus-s": (lambda: Ductus(DUCTUS_S), MNIST, adamw(1e-2), 128, 30),
    "ductus-m": (lambda: Ductus(DUCTUS_M, 0.3), MNIST, adamw(8e-3), 128, 30),
    "ductus-l": (lambda: Ductus(DUCTUS_L, 0.3), MNIST, adamw(8e-3), 128, 20),
    "ductus-l5": (lambda: Ductus(DUCTUS_L5, 0.3), MNIST, adamw(8e-3), 128, 20),
}
NETWORKS = {**PUBLISHED, **OWN}
