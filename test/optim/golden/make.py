"""Values of PyTorch for test/optim: writes optimizers.json and schedules.json beside this file. Run: python make.py"""
import json, pathlib, torch
from torch.optim import SGD, Adam, AdamW, Muon, RMSprop, lr_scheduler as lrs

here = pathlib.Path(__file__).parent
torch.set_num_threads(1)
torch.manual_seed(0)
STEPS = 20
x = torch.randn(8, 5)
target = torch.randn(8, 3)
weight = torch.randn(3, 5)
bias = torch.randn(3)


def digits(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]


# Muon orthogonalises in bfloat16, whose three digits no other arithmetic repeats: here in float32.
torch.Tensor.bfloat16 = lambda tensor: tensor.to(torch.float32, copy=True)


class MuonAndAdamW:
    """Muon for matrices, AdamW for the others, at one rate."""

    def __init__(self, parameters, momentum=0.95, nesterov=True, betas=(0.9, 0.999), **both):
        matrices, others = ([p for p in parameters if (p.dim() == 2) == wanted] for wanted in (True, False))
        muon = Muon(matrices, momentum=momentum, nesterov=nesterov, adjust_lr_fn="match_rms_adamw", **both)
        self.parts = [muon, AdamW(others, betas=betas, **both)]
        self.state = muon.state

    def zero_grad(self):
        for part in self.parts:
            part.zero_grad()

    def step(self):
        for part in self.parts:
            part.step()


CASES = [
    ("sgd", SGD, {"lr": 0.1}),
    ("sgd", SGD, {"lr": 0.1, "weight_decay": 0.05}),
    ("sgd", SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    ("sgd", SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("adam", Adam, {"lr": 0.05}),
    ("adam", Adam, {"lr": 0.05, "betas": [0.7, 0.9], "eps": 1e-4, "weight_decay": 0.1}),
    ("adamw", AdamW, {"lr": 0.05}),
    ("adamw", AdamW, {"lr": 0.05, "betas": [0.8, 0.99], "weight_decay": 0.2}),
    ("muon", MuonAndAdamW, {"lr": 0.05, "weight_decay": 0.01}),
    ("muon", MuonAndAdamW, {"lr": 0.05, "weight_decay": 0.2, "momentum": 0.8, "nesterov": False, "betas": [0.8, 0.99]}),
    ("rmsprop", RMSprop, {}),
    ("rmsprop", RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.8}),
    ("rmsprop", RMSprop, {"lr": 0.02, "centered": True, "momentum": 0.5}),
]


def train(kind, options, clip=None):
    w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    optimizer = kind([w, b], **options)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = ((x @ w.T + b - target) ** 2).mean()
        loss.backward()
        if clip is not None:
            norms.append(torch.nn.utils.clip_grad_norm_([w, b], clip).item())
        optimizer.step()
        losses.append(loss.item())
    state = {k: digits(v) for k, v in optimizer.state[w].items() if torch.is_tensor(v) and v.dim() > 0}
    return {"losses": losses, "norms": norms, "weight": digits(w), "bias": digits(b), "state": state}


cases = []
for name, kind, options in CASES:
    keys = {"weight_decay": "weightDecay"}
    cases.append({"name": name, "options": {keys.get(k, k): v for k, v in options.items()}, **train(kind, options)})
clipped = {"maxNorm": 0.3, **train(SGD, {"lr": 0.1}, 0.3)}
(here / "optimizers.json").write_text(
    json.dumps({"torch": torch.__version__, "x": digits(x), "target": digits(target), "weight": digits(weight),
                "bias": digits(bias), "cases": cases, "clipped": clipped})
)


def factors(make, steps, metrics=None):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for i in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(*([] if metrics is None else [metrics[i]]))
    return rates


TOTAL = 40
warm = lambda o: lrs.SequentialLR(
    o, [lrs.LinearLR(o, start_factor=0.1, total_iters=10), lrs.CosineAnnealingLR(o, TOTAL - 10)], milestones=[10])
metrics = [1, 0.9, 0.8, 0.8, 0.79999, 0.85, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66]
schedules = [
    {"spec": {"name": "step", "every": 7, "gamma": 0.3}, "factors": factors(lambda o: lrs.StepLR(o, 7, 0.3), TOTAL)},
    {"spec": {"name": "cosine", "end": 0.05}, "factors": factors(lambda o: lrs.CosineAnnealingLR(o, TOTAL, 0.05), TOTAL)},
    {"spec": {"name": "oneCycle"}, "factors": factors(lambda o: lrs.OneCycleLR(o, 1.0, TOTAL, cycle_momentum=False), TOTAL)},
    {"spec": {"name": "oneCycle", "rise": 0.45, "startDivisor": 10, "endDivisor": 100},
     "factors": factors(lambda o: lrs.OneCycleLR(o, 1.0, TOTAL, pct_start=0.45, div_factor=10, final_div_factor=100,
                                                 cycle_momentum=False), TOTAL)},
    {"spec": {"name": "warmup", "steps": 10, "start": 0.1, "after": {"name": "cosine"}}, "factors": factors(warm, TOTAL)},
]
plateaus = [
    {"spec": {"name": "plateau", "patience": 2, "gamma": 0.5}, "metrics": metrics,
     "factors": factors(lambda o: lrs.ReduceLROnPlateau(o, patience=2, factor=0.5), len(metrics), metrics)},
    {"spec": {"name": "plateau", "mode": "max", "patience": 1, "gamma": 0.2, "cooldown": 2, "least": 0.01}, "metrics": metrics,
     "factors": factors(lambda o: lrs.ReduceLROnPlateau(o, "max", patience=1, factor=0.2, cooldown=2, min_lr=0.01),
                        len(metrics), metrics)},
]
(here / "schedules.json").write_text(
    json.dumps({"torch": torch.__version__, "total": TOTAL, "schedules": schedules, "plateaus": plateaus}))
