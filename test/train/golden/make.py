"""Values of PyTorch for test/train/loop.test.ts: writes loop.json beside this file. Run: python make.py

Every step sees all samples, so the order in which they come does not matter: accumulation in parts of any size must give
what one large batch gives.
"""
import json, pathlib, torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

torch.set_num_threads(1)
torch.manual_seed(0)
SAMPLES, STEPS = 12, 10
x = torch.randn(SAMPLES, 5)
y = torch.randint(0, 3, (SAMPLES,))


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))


def digits(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]


def weights(net):
    return {name: digits(p) for name, p in net.named_parameters()}


def decayed(decay):
    # What src/optim/average.ts says of itself; the first call of AveragedModel copies the weights.
    def average(kept, new, seen):
        keep = min(decay, (1 + int(seen)) / (10 + int(seen)))
        return kept + (new - kept) * (1 - keep)
    return average


def taught(z, share, temperature):
    # Hinton et al., arXiv 1503.02531, section 2; the teacher has the first weights of all, times -2.
    teacher = network()
    with torch.no_grad():
        for p in teacher.parameters():
            p *= -2
        told = F.softmax(teacher(x) / temperature, 1)
    divergence = F.kl_div(F.log_softmax(z / temperature, 1), told, reduction="batchmean")
    return (1 - share) * F.cross_entropy(z, y) + share * temperature ** 2 * divergence


def train(loss=None, clip=None, ema=None, teacher=None, make=lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9)):
    net = network()
    averaged = AveragedModel(net, avg_fn=decayed(ema)) if ema else None
    optimizer = make(net.parameters())
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = taught(net(x), **teacher) if teacher else F.cross_entropy(net(x), y, **(loss or {}))
        value.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        if averaged:
            averaged.update_parameters(net)
        losses.append(float(f"{value.item():.9g}"))
    return {"losses": losses, "weights": weights(averaged.module if averaged else net)}


class_weights = [1.0, 2.5, 0.5]
cases = {
    "plain": train(),
    "clipNorm": train(clip=0.1),
    "labelSmoothing": train({"label_smoothing": 0.2}),
    "classWeights": train({"weight": torch.tensor(class_weights)}),
    "both": train({"weight": torch.tensor(class_weights), "label_smoothing": 0.1}),
    "taught": train(teacher={"share": 0.7, "temperature": 2}),
    "ema": train(ema=0.8),
    "emaAdam": train(ema=0.7, make=lambda p: torch.optim.Adam(p, lr=0.05)),
}
out = {"torch": torch.__version__, "x": digits(x), "y": y.tolist(), "initial": weights(network()), "cases": cases}
(pathlib.Path(__file__).parent / "loop.json").write_text(json.dumps(out))
