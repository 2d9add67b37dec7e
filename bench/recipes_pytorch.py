"""Trains the published networks in PyTorch with the recipes of `ductus info`, as the judge of their accuracy.

    pip install torch==2.13 numpy
    python bench/recipes_pytorch.py DATA_DIR [--seeds 3] [--networks cnn-3x3 …] >> results.jsonl

DATA_DIR holds mnist/*.gz. The protocol is the one of `ductus train`: a tenth of the training split is held out, and the
weights of the epoch that does best on it are tested once on the official test split. One JSON object a run goes to standard output.
"""

import argparse, gzip, json, pathlib, time
import numpy as np
import torch
import torch.nn.functional as F
from networks_pytorch import PUBLISHED

# What only some recipes have: one cycle of the learning rate, and smoothed labels.
ONE_CYCLE = {"cnn-strided"}
LABEL_SMOOTHING = {"cnn-strided": 0.1}


def read(path, dtype=np.uint8):
    with gzip.open(path) as f:
        data = f.read()
    dims = data[3]
    shape = np.frombuffer(data, ">u4", dims, 4)
    return torch.from_numpy(np.frombuffer(data, dtype, offset=4 + 4 * dims).reshape(shape).astype(np.dtype(dtype).newbyteorder("=")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", nargs="*", default=list(PUBLISHED))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = pathlib.Path(args.data) / "mnist"
    x, y = read(folder / "train-images-idx3-ubyte.gz"), read(folder / "train-labels-idx1-ubyte.gz").long()
    tx, ty = read(folder / "t10k-images-idx3-ubyte.gz"), read(folder / "t10k-labels-idx1-ubyte.gz").long()
    for seed in range(args.seeds):
        for name in args.networks:
            make, (mean, std), optimizer, batch, epochs = PUBLISHED[name]
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
