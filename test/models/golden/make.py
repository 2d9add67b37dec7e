"""Values of PyTorch for test/models: writes networks.json beside this file. Run with PyTorch 2.x: python make.py

Weights and pictures follow formulas that the test repeats, so that only names, shapes and logits need to be stored.
"""
import json, pathlib
import numpy as np, torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


class TwoConv(nn.Module):
    def __init__(self, k1, k2, padding, hidden, side, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, k1, padding=padding)
        self.conv2 = nn.Conv2d(32, 64, k2, padding=padding)
        for k in (k1, k2):
            side = (side + 2 * padding - k + 1) // 2
        self.fc1 = nn.Linear(64 * side * side, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SeparableConv(nn.Module):
    def __init__(self, i, o, dilation):
        super().__init__()
        self.depthwise = nn.Conv2d(i, i, 3, padding=1, dilation=dilation, groups=i)
        self.pointwise = nn.Conv2d(i, o, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Separable(nn.Module):
    def __init__(self, dilation, channels, classes):
        super().__init__()
        self.conv1 = SeparableConv(channels, 16, dilation)
        self.conv2 = SeparableConv(16, 32, dilation)
        self.fc = nn.Linear(32, classes)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class LeNet5(nn.Module):
    def __init__(self, side, channels, classes):
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
    def __init__(self, side, channels, classes):
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


class SeparableConv3x3(nn.Module):
    """Without biases: a batch norm follows."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Ductus(nn.Module):
    """Layers: ("full" or "separable", output channels, kernel size, whether pooled before the norm), or None for a pool."""

    def __init__(self, layers, channels=1, classes=10):
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
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


DUCTUS_MICRO = [("full", 8), None, ("separable", 16), ("separable", 16), None, ("separable", 16), ("separable", 16)]
DUCTUS_S = [("full", 16), ("full", 16), None, ("full", 16), None, ("separable", 32), ("separable", 32)]
DUCTUS_M = [("full", 24, 5, True), ("full", 48), ("full", 48, 3, True), ("full", 64), ("full", 64)]
DUCTUS_L = [("full", c, 3, last and c < 96) for c in (32, 64, 96) for last in (False, False, True)]
DUCTUS_L5 = [("full", 32, 5, False), ("full", 32, 5, True), *DUCTUS_L[3:]]


class Mlp(nn.Module):
    def __init__(self, side, channels, classes):
        super().__init__()
        self.fc1 = nn.Linear(side * side * channels, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def two_conv(k1, k2, padding, hidden):
    return lambda side, channels, classes: TwoConv(k1, k2, padding, hidden, side, channels, classes)


NETWORKS = {
    "cnn-5x5": (two_conv(5, 5, 0, 1024), 0.5, 0.5),
    "cnn-3x3": (two_conv(3, 3, 0, 128), 0, 1),
    "cnn-5x3": (two_conv(5, 3, 0, 128), 0.1307, 0.3081),
    "separable": (lambda side, channels, classes: Separable(1, channels, classes), 0.1307, 0.3081),
    "separable-dilated": (lambda side, channels, classes: Separable(2, channels, classes), 0.1307, 0.3081),
    "cnn-same": (two_conv(3, 3, 1, 1024), 0, 1),
    "cnn-strided": (Strided, 0.1307, 0.3081),
    "ductus-micro": (lambda side, channels, classes: Ductus(DUCTUS_MICRO, channels, classes), 0.1307, 0.3081),
    "ductus-s": (lambda side, channels, classes: Ductus(DUCTUS_S, channels, classes), 0.1307, 0.3081),
    "ductus-m": (lambda side, channels, classes: Ductus(DUCTUS_M, channels, classes), 0.1307, 0.3081),
    "ductus-l": (lambda side, channels, classes: Ductus(DUCTUS_L, channels, classes), 0.1307, 0.3081),
    "ductus-l5": (lambda side, channels, classes: Ductus(DUCTUS_L5, channels, classes), 0.1307, 0.3081),
    "lenet5": (LeNet5, 0.1307, 0.3081),
    "mlp": (Mlp, 0.1307, 0.3081),
}


def run(name, side, channels, classes):
    make, mean, std = NETWORKS[name]
    network = make(side, channels, classes)
    for k, (_, p) in enumerate(network.named_parameters()):
        fan_in = p[0].numel() if p.dim() > 1 else p.numel()
        values = np.sin(np.arange(p.numel()) * 0.7 + k) / np.sqrt(fan_in)
        p.data = torch.tensor(values, dtype=torch.float32).reshape(p.shape)
    count = 2 * side * side * channels
    pixels = torch.tensor((np.arange(count) * 37 + 11) % 256, dtype=torch.float32).reshape(2, side, side, channels)
    x = ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network.eval()(x)
    return {
        "name": name, "inputShape": [side, side, channels], "classes": classes,
        "parameters": {k: list(v.shape) for k, v in network.state_dict().items()},
        "count": sum(v.numel() for v in network.state_dict().values()),
        "logits": [float(f"{v:.9g}") for v in logits.flatten().tolist()],
    }


cases = [run(name, 28, 1, 10) for name in NETWORKS] + [run(name, 16, 3, 4) for name in NETWORKS]
(pathlib.Path(__file__).parent / "networks.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}))
