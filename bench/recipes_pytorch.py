"""Trains the named networks in PyTorch with the recipes of `ductus info`, as the judge of their accuracy.

    pip install torch==2.13 numpy
    python bench/recipes_pytorch.py DATA_DIR [--seeds 3] [--networks cnn-3x3 …] >> results.jsonl

DATA_DIR holds mnist/*.gz. The protocol is the one of `ductus train`: a tenth of the training split is held out, and the
weights of the epoch that does best on it are tested once on the official test split. One JSON object a run goes to standard output.
"""

import argparse, gzip, json, pathlib, time
import numpy as np
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


UNIT, MNIST, HALF = (0.0, 1.0), (0.1307, 0.3081), (0.5, 0.5)
ADAM = lambda p: torch.optim.Adam(p, lr=1e-3)
QUICK_ADAM = lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.7, 0.9))
SGD = lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)
# name: (network, normalisation, optimiser, batch, epochs)
RECIPES = {
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
# What only some recipes have: one cycle of the learning rate, and smoothed labels.
ONE_CYCLE = {"cnn-strided"}
LABEL_SMOOTHING = {"cnn-strided": 0.1}


def read(path):
    with gzip.open(path) as f:
        data = f.read()
    dims = data[3]
    shape = np.frombuffer(data, ">u4", dims, 4)
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape).copy())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", nargs="*", default=list(RECIPES))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = pathlib.Path(args.data) / "mnist"
    x, y = read(folder / "train-images-idx3-ubyte.gz"), read(folder / "train-labels-idx1-ubyte.gz").long()
    tx, ty = read(folder / "t10k-images-idx3-ubyte.gz"), read(folder / "t10k-labels-idx1-ubyte.gz").long()
    for seed in range(args.seeds):
        for name in args.networks:
            make, (mean, std), optimizer, batch, epochs = RECIPES[name]
            torch.manual_seed(seed)
            net = make().to(memory_format=torch.channels_last)
            opt = optimizer(net.parameters())
            prepare = lambda pixels: ((pixels.float() / 255 - mean) / std).unsqueeze(1)
            shuffled = torch.randperm(len(x))
            train, held = shuffled[: len(x) * 9 // 10], shuffled[len(x) * 9 // 10 :]

            def accuracy(pixels, labels):
                with torch.no_grad():
                    parts = range(0, len(labels), 1000)
                    right = sum(int((net(prepare(pixels[i : i + 1000])).argmax(1) == labels[i : i + 1000]).sum()) for i in parts)
                return right / len(labels)

            steps = epochs * -(-len(train) // batch)
            cycle = torch.optim.lr_scheduler.OneCycleLR(opt, opt.defaults["lr"], steps, cycle_momentum=False) if name in ONE_CYCLE else None
            smoothing = LABEL_SMOOTHING.get(name, 0.0)
            started, best = time.time(), (0.0, 0.0)
            for _ in range(epochs):
                order = train[torch.randperm(len(train))]
                for start in range(0, len(order), batch):
                    index = order[start : start + batch]
                    opt.zero_grad()
                    F.cross_entropy(net(prepare(x[index])), y[index], label_smoothing=smoothing).backward()
                    opt.step()
                    if cycle is not None:
                        cycle.step()
                validation = accuracy(x[held], y[held])
                if validation > best[0]:
                    best = (validation, accuracy(tx, ty))
            seconds = round(time.time() - started, 1)
            print(json.dumps({"network": name, "seed": seed, "accuracy": best[1], "seconds": seconds, "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
