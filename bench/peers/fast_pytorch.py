"""MNIST to 99 % in few seconds with PyTorch, as a whole job: `python fast_pytorch.py fast|wide --seed S --threads N`.

`fast` is the recipe of `ductus train --recipe fast` (network, optimizer, schedule, loss); `wide` is one epoch of a wider
network. MNIST comes from the folder that DUCTUS_DATA names. The last line is JSON with the accuracy on the test split.
"""

import argparse, json, os, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import torch
import torch.nn.functional as F
from recipes_pytorch import read
from torch import nn


def fast():
    """Crop 2, conv 5×5 stride 2 16, relu, conv 3×3 32, max 2, relu, fc 128, relu, fc 10."""
    crop = nn.ZeroPad2d(-2)
    features = [crop, nn.Conv2d(1, 16, 5, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.MaxPool2d(2), nn.ReLU()]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10))


def wide():
    """Conv 5×5 24, max 2, relu, conv 3×3 32, max 2, relu, fc 256, relu, fc 10."""
    features = [nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU()]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10))


# network, epochs, label smoothing
RECIPES = {"fast": (fast, 2, 0.1), "wide": (wide, 1, 0.0)}
BATCH = 256

parser = argparse.ArgumentParser()
parser.add_argument("recipe", choices=RECIPES)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
if "DUCTUS_DATA" not in os.environ:
    sys.exit("DUCTUS_DATA does not name the folder that holds mnist/*.gz")
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
make, epochs, smoothing = RECIPES[args.recipe]
folder = pathlib.Path(os.environ["DUCTUS_DATA"]) / "mnist"


def split(name):
    x, y = read(folder / f"{name}-images-idx3-ubyte.gz"), read(folder / f"{name}-labels-idx1-ubyte.gz")
    return ((x.float() / 255 - 0.1307) / 0.3081).unsqueeze(1).to(memory_format=torch.channels_last), y.long()


x, y = split("train")
net = make().to(memory_format=torch.channels_last)
opt = torch.optim.Adam(net.parameters(), lr=0.01, betas=(0.7, 0.9))
steps = epochs * -(-len(y) // BATCH)
cycle = torch.optim.lr_scheduler.OneCycleLR(opt, 0.01, steps, cycle_momentum=False)
for _ in range(epochs):
    order = torch.randperm(len(y))
    for start in range(0, len(y), BATCH):
        index = order[start : start + BATCH]
        opt.zero_grad()
        F.cross_entropy(net(x[index]), y[index], label_smoothing=smoothing).backward()
        opt.step()
        cycle.step()
net.eval()
tx, ty = split("t10k")
with torch.inference_mode():
    right = sum(int((net(tx[i : i + 1000]).argmax(1) == ty[i : i + 1000]).sum()) for i in range(0, len(ty), 1000))
print(json.dumps({"accuracy": right / len(ty)}))
