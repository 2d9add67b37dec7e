"""A training process of PyTorch whose memory is measured: `python memory_pytorch.py NETWORK IMAGES THREADS`, one epoch."""

import json, pathlib, resource, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import torch
import torch.nn.functional as F
from networks_pytorch import NETWORKS

network, images, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
make, (mean, std), optimizer, batch, _ = NETWORKS[network]
x, y = torch.randint(0, 256, (images, 28, 28), dtype=torch.uint8), torch.arange(images) % 10
net = make()
opt = optimizer(net.parameters())
order = torch.randperm(images)
for start in range(0, images, batch):
    index = order[start : start + batch]
    opt.zero_grad()
    pixels = ((x[index].float() / 255 - mean) / std).unsqueeze(1)
    F.cross_entropy(net(pixels), y[index]).backward()
    opt.step()
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}))
