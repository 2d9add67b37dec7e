"""
The networks of `ductus info` in PyTorch, with its names of parameters, and the normalisation and optimiser of each; what the
benchmarks run beside Ductus, and what golden training runs are made with.
"""

import torch
from torch import nn
import torch.nn.functional as F


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
    def __init__(self, inputs, outputs, dilation=1, bias=True):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, dilation=dilation, groups=inputs, bias=bias)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=bias)

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


class Ductus(nn.Module):
    """
    Layers: ("full" or "separable", output channels, kernel size, whether pooled before the norm), or None for a pool.
    Convolutions have no biases, as a batch norm follows; `dropout` is a module.
    """

    def __init__(self, layers, dropout=nn.Identity()):
        super().__init__()
        features, channels = [], 1
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
        self.dropout = dropout
        self.fc = nn.Linear(channels, 10)

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


UNIT, MNIST, HALF = (0.0, 1.0), (0.1307, 0.3081), (0.5, 0.5)
ADAM = lambda p: torch.optim.Adam(p, lr=1e-3)
QUICK_ADAM = lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.7, 0.9))
adamw = lambda lr: lambda p: torch.optim.AdamW(p, lr=lr, betas=(0.9, 0.99), weight_decay=1e-4)
SGD = lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)
# name: (network, normalisation, optimiser, batch, epochs)
PUBLISHED = {
    "cnn-3x3": (lambda: TwoConv((3, 3), 0, 1600, 128), UNIT, ADAM, 64, 5),
    "cnn-5x5": (lambda: TwoConv((5, 5), 0, 1024, 1024), HALF, SGD, 100, 2),
    "cnn-5x3": (lambda: TwoConv((5, 3), 0, 1600, 128), MNIST, SGD, 64, 10),
    "separable": (lambda: Separable(1), MNIST, ADAM, 64, 10),
    "separable-dilated": (lambda: Separable(2), MNIST, ADAM, 64, 10),
    "cnn-same": (lambda: TwoConv((3, 3), 1, 3136, 1024), UNIT, ADAM, 64, 5),
    "cnn-strided": (Strided, MNIST, QUICK_ADAM, 256, 3),
    "lenet5": (LeNet5, MNIST, ADAM, 64, 10),
    "mlp": (Mlp, MNIST, ADAM, 64, 10),
}
# ductus-micro is trained by Muon in Ductus, which torch.optim.Muon is not for: it takes no filters of convolutions.
OWN = {
    "ductus-micro": (lambda: Ductus(DUCTUS_MICRO), MNIST, adamw(1e-2), 128, 30),
    "ductus-s": (lambda: Ductus(DUCTUS_S), MNIST, adamw(1e-2), 128, 30),
    "ductus-m": (lambda: Ductus(DUCTUS_M, nn.Dropout(0.3)), MNIST, adamw(8e-3), 128, 30),
    "ductus-l": (lambda: Ductus(DUCTUS_L, nn.Dropout(0.3)), MNIST, adamw(8e-3), 128, 20),
    "ductus-l5": (lambda: Ductus(DUCTUS_L5, nn.Dropout(0.3)), MNIST, adamw(8e-3), 128, 20),
}
NETWORKS = {**PUBLISHED, **OWN}
