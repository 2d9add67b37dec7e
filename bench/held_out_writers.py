"""
Judges recipes of our own networks on pictures of writers that nobody trained on, in PyTorch on a GPU: what a recipe is chosen by, so
that the official test split is read only by what was chosen.

    pip install torch==2.13 numpy
    python bench/held_out_writers.py DATA_DIR [--recipes plain taught-3 …] [--seconds 600] [--out results.npz]

DATA_DIR holds MNIST's training split and QMNIST's qmnist-train-labels-idx2-int.gz, which tells the writers. Three times a sixth of the writers
is held out, and SEEDS networks are trained on the other five sixths, all of a recipe at once, with the augmentation of `--augment digits`
and products of bfloat16. A table of errors in percent goes to standard output, the log-probabilities of all held-out pictures to --out.
"""

import argparse, math, pathlib, time
from dataclasses import dataclass, replace
import numpy as np
import torch
import torch.nn.functional as F
from networks_pytorch import DUCTUS_L, DUCTUS_L5, DUCTUS_M, Ductus
from recipes_pytorch import read

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FOLDS, SEEDS, BATCH, STEPS_A_GRAPH = 3, 3, 128, 5


@dataclass(frozen=True)
class Recipe:
    layers: tuple = tuple(DUCTUS_L)
    epochs: int = 20
    plain_epochs: int = 1
    lr: float = 0.008
    smoothing: float = 0.05
    strength: float = 1.0
    weight_decay: float = 1e-4
    dropout: float = 0.3
    # Foret et al., arXiv 2010.01412: the gradient is taken where a step of this length uphill leads.
    sharpness: float = 0.0
    # Keller Jordan's Muon for the convolutions after the first: momentum made orthogonal; its rate.
    muon: float = 0.0
    # Hinton et al., arXiv 1503.02531: the recipe of the teachers, how many of them, temperature and share of the loss.
    teacher: str = ""
    teachers: int = 0
    temperature: float = 1.0
    share: float = 0.9
    # Probability that a batch is cut and mixed (arXiv 1905.04899), and that it is mixed (arXiv 1710.09412, alpha 0.4).
    cutmix: float = 0.0
    mixup: float = 0.0


PLAIN = Recipe()
RECIPES = {
    "plain": PLAIN,
    "taught-3": replace(PLAIN, teacher="plain", teachers=3),
    "sharp-0.05": replace(PLAIN, sharpness=0.05),
    "muon-0.02": replace(PLAIN, muon=0.02),
    "taught-1": replace(PLAIN, teacher="plain", teachers=1),
    "sharp-0.2": replace(PLAIN, sharpness=0.2),
    "mixup": replace(PLAIN, mixup=0.5),
    "cutmix": replace(PLAIN, cutmix=0.5),
    "muon-0.05": replace(PLAIN, muon=0.05),
    "m": replace(PLAIN, layers=tuple(DUCTUS_M), epochs=30),
    "taught-3-t4": replace(PLAIN, teacher="plain", teachers=3, temperature=4.0),
    "taught-3-sharp": replace(PLAIN, teacher="plain", teachers=3, sharpness=0.1),
    "l5": replace(PLAIN, layers=tuple(DUCTUS_L5)),
    "taught-3-40": replace(PLAIN, teacher="plain", teachers=3, epochs=40),
    "sharp-0.1-40": replace(PLAIN, sharpness=0.1, epochs=40),
}


class Data:
    """All pictures on the device, and the parts: of each fold who is trained on and who is held out."""

    def __init__(self, folder):
        self.x = read(folder / "train-images-idx3-ubyte.gz").to(DEVICE)
        self.y = read(folder / "train-labels-idx1-ubyte.gz").long().to(DEVICE)
        writers = read(folder / "qmnist-train-labels-idx2-int.gz", ">i4")[:, 2].numpy()
        names = np.unique(writers)
        sixth = dict(zip(np.random.default_rng(0).permutation(names), np.arange(len(names)) % 6))
        part = np.array([sixth[w] for w in writers])
        self.folds = [tuple(torch.from_numpy(np.flatnonzero(mask)).to(DEVICE) for mask in (part != f, part == f)) for f in range(FOLDS)]


def prepared(pixels):
    return ((pixels - 255 * 0.1307) / (255 * 0.3081)).unsqueeze(1)


class Augmenter:
    """The preset `digits` on the device: one warp of each picture, then strokes thickened or thinned."""

    SIDE, SIGMA = 128, 4.0

    def __init__(self, generator):
        self.generator = generator
        self.field = torch.zeros(2, self.SIDE * self.SIDE, device=DEVICE)
        self.strength = torch.ones((), device=DEVICE)
        grid = torch.arange(28, device=DEVICE, dtype=torch.float32) - 13.5
        self.base = torch.stack(torch.meshgrid(grid, grid, indexing="ij")[::-1], -1).reshape(1, 784, 2)  # (x, y)
        window = torch.arange(28, device=DEVICE)
        self.window = (window[:, None] * self.SIDE + window[None]).reshape(1, 784)

    def begin(self, strength):
        """A new smooth random field on a torus, of standard deviation 1."""
        noise = torch.rand(2, self.SIDE, self.SIDE, device=DEVICE, generator=self.generator) * 2 - 1
        f = torch.fft.fftfreq(self.SIDE, device=DEVICE)
        low = torch.exp(-2 * (math.pi * self.SIGMA) ** 2 * (f[:, None] ** 2 + f[None] ** 2))
        smooth = torch.fft.ifft2(torch.fft.fft2(noise) * low).real
        self.field.copy_((smooth / smooth.std((1, 2), keepdim=True)).reshape(2, -1))
        self.strength.fill_(strength)

    def __call__(self, pixels):
        n = len(pixels)
        u = lambda *shape: torch.rand(*shape, device=DEVICE, generator=self.generator)
        between = lambda low, high: low + (high - low) * u(n)
        s = self.strength
        angle, lean = (math.radians(12) * s * between(-1, 1) for _ in range(2))
        scale = 1 + s * (between(0.88, 1.1) - 1)
        stretch = torch.sqrt(1 + s * (between(0.87, 1.15) - 1))
        cos, sin, tan = torch.cos(angle), torch.sin(angle), torch.tan(lean)
        # From where a pixel is to where it was: rotate · shear · zoom.
        a = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
        b = torch.stack([torch.stack([torch.ones_like(tan), tan], -1), torch.stack([torch.zeros_like(tan), torch.ones_like(tan)], -1)], -2)
        c = torch.diag_embed(torch.stack([1 / (scale * stretch), stretch / scale], -1))
        where = self.base @ (a @ b @ c).transpose(1, 2) - 0.06 * 28 * s * (2 * u(n, 1, 2) - 1)
        places = (u(n, 2) * self.SIDE * self.SIDE).long()
        strength = 1.1 * s * u(n, 1)
        moved = [self.field[i][(places[:, i, None] + self.window) % (self.SIDE * self.SIDE)] * strength for i in range(2)]
        where = (where + torch.stack(moved, -1)).view(n, 28, 28, 2) / 14
        x = F.grid_sample(pixels.float().unsqueeze(1), where, align_corners=False)
        radius = s * between(-0.3, 0.7) * (u(n) < 0.4)
        radius = radius.view(n, 1, 1, 1)
        cross = lambda p: torch.maximum(F.max_pool2d(p, (3, 1), 1, (1, 0)), F.max_pool2d(p, (1, 3), 1, (0, 1)))
        thicker, thinner = cross(x) - x, x + cross(-x)
        return (x + radius.clamp(min=0) * thicker + radius.clamp(max=0) * thinner).squeeze(1)


class Dropout(torch.nn.Module):
    """With a generator of its own, so that graphs that run side by side share none."""

    def __init__(self, p, generator):
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        return x * (torch.rand(x.shape, device=x.device, generator=self.generator) >= self.p) / (1 - self.p)


def orthogonal(m):
    """Newton–Schulz towards the nearest orthogonal matrix, the quintic of Keller Jordan's Muon."""
    m = m.bfloat16()
    tall = m.shape[0] > m.shape[1]
    m = m.T if tall else m
    m = m / (m.norm() + 1e-7)
    for _ in range(5):
        g = m @ m.T
        m = 3.4445 * m + (-4.7750 * g + 2.0315 * g @ g) @ m
    return (m.T if tall else m).float()


class Training:
    """One network and its step, with all that changes from step to step on the device."""

    def __init__(self, data, recipe, fold, seed, teachers):
        self.data, self.recipe, self.teachers = data, recipe, teachers
        torch.manual_seed(1000 * fold + seed)
        self.generator = torch.Generator(DEVICE).manual_seed(1000 * fold + seed)
        self.train, self.held = data.folds[fold]
        self.steps = len(self.train) // BATCH // STEPS_A_GRAPH * STEPS_A_GRAPH
        self.augment = Augmenter(self.generator)
        self.net = Ductus(recipe.layers, Dropout(recipe.dropout, self.generator)).to(DEVICE, memory_format=torch.channels_last)
        filters = [p for p in self.net.parameters() if recipe.muon > 0 and p.ndim == 4 and p.shape[1] > 1]
        self.filters, self.momenta = filters, [torch.zeros_like(p) for p in filters]
        rest = [p for p in self.net.parameters() if all(p is not q for q in filters)]
        self.lr = torch.tensor(0.0, device=DEVICE)
        gpu = DEVICE.type == "cuda"
        self.optimizer = torch.optim.AdamW(rest, lr=self.lr, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=gpu, capturable=gpu)
        total = recipe.epochs * self.steps
        rise = 0.3 * total - 1
        cosine = lambda a, b, share: b + (a - b) / 2 * (1 + math.cos(math.pi * share))
        one = lambda i: cosine(1 / 25, 1, i / rise) if i <= rise else cosine(1, 1 / 25e4, (i - rise) / (total - 1 - rise))
        self.factors = torch.tensor([one(i) for i in range(total)], device=DEVICE)
        self.step_index = torch.zeros((), dtype=torch.long, device=DEVICE)
        self.order = self.train.clone()
        self.places = torch.arange(BATCH, device=DEVICE)
        self.loss_sum = torch.zeros((), device=DEVICE)

    def begin(self, epoch):
        self.order.copy_(self.train[torch.randperm(len(self.train), device=DEVICE, generator=self.generator)])
        self.augment.begin(self.recipe.strength if epoch < self.recipe.epochs - self.recipe.plain_epochs else 0.0)
        self.loss_sum.zero_()

    def mixed(self, x, targets):
        r, n = self.recipe, len(x)
        u = lambda *shape: torch.rand(*shape, device=DEVICE, generator=self.generator)
        on = (self.augment.strength > 0).float()
        if r.mixup > 0:
            # Beta(0.4, 0.4) by its arcsine-like inverse is not at hand; a power of a uniform number is as lopsided.
            share = 1 - (0.5 * u(n, 1) ** 3) * (u(1) < r.mixup) * on
            x = share.view(n, 1, 1) * x + (1 - share.view(n, 1, 1)) * x.flip(0)
            targets = share * targets + (1 - share) * targets.flip(0)
        if r.cutmix > 0:
            side = torch.sqrt(u(n, 1)) * 28 * (u(1) < r.cutmix) * on
            middle = u(n, 2) * 28
            i = torch.arange(28, device=DEVICE) + 0.5
            inside = [(i - middle[:, k : k + 1]).abs() < side / 2 for k in range(2)]
            box = inside[0][:, :, None] & inside[1][:, None, :]
            x = torch.where(box, x.flip(0), x)
            share = 1 - box.float().mean((1, 2)).unsqueeze(1)
            targets = share * targets + (1 - share) * targets.flip(0)
        return x, targets

    def loss(self, x, targets):
        r = self.recipe
        with torch.autocast(DEVICE.type, torch.bfloat16, cache_enabled=False):
            logits = self.net(x).float()
        own = F.cross_entropy(logits, targets, label_smoothing=r.smoothing)
        if not self.teachers:
            return own
        with torch.no_grad(), torch.autocast(DEVICE.type, torch.bfloat16, cache_enabled=False):
            told = torch.stack([F.softmax(t(x).float(), 1) for t in self.teachers]).mean(0)
        told = F.softmax(torch.log(told) / r.temperature, 1)
        apart = F.cross_entropy(logits / r.temperature, told)
        return (1 - r.share) * own + r.share * r.temperature**2 * apart

    def step(self):
        r = self.recipe
        index = self.order[(self.step_index % self.steps) * BATCH + self.places]
        self.lr.copy_(r.lr * self.factors[self.step_index % len(self.factors)])
        targets = F.one_hot(self.data.y[index], 10).float()
        x, targets = self.mixed(self.augment(self.data.x[index]), targets)
        x = prepared(x).contiguous(memory_format=torch.channels_last)
        params = list(self.net.parameters())
        for p in params:
            p.grad = None
        loss = self.loss(x, targets)
        loss.backward()
        if r.sharpness > 0:
            with torch.no_grad():
                grads = [p.grad for p in params]
                norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
                uphill = torch._foreach_mul(grads, r.sharpness / (norm + 1e-12))
                torch._foreach_add_(params, uphill)
            for p in params:
                p.grad = None
            norms = [m for m in self.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
            for m in norms:
                m.momentum = 0.0
            self.loss(x, targets).backward()
            for m in norms:
                m.momentum = 0.1
            with torch.no_grad():
                torch._foreach_sub_(params, uphill)
        with torch.no_grad():
            for p, momentum in zip(self.filters, self.momenta):
                momentum.lerp_(p.grad, 0.05)
                update = orthogonal(p.grad.lerp(momentum, 0.95).flatten(1)).view_as(p)
                p.sub_(update * (max(1, p.shape[0] / p[0].numel()) ** 0.5 * r.muon / r.lr * self.lr))
        self.optimizer.step()
        self.loss_sum.add_(loss.detach())
        self.step_index.add_(1)

    @torch.no_grad()
    def log_probabilities(self, shifted):
        """Of the held-out pictures, [n, 10]; of each picture alone or the mean over nine shifted copies."""
        self.net.eval()
        out = []
        for part in self.held.split(2000):
            x = prepared(self.data.x[part].float())
            shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)] if shifted else [(0, 0)]
            probabilities = [F.softmax(self.net(torch.roll(x, shift, (2, 3))), 1) for shift in shifts]
            out.append(torch.log(torch.stack(probabilities).mean(0) + 1e-12))
        self.net.train()
        return torch.cat(out)


def train(trainings, epochs, deadline):
    """All at once, each in a graph and on a stream of its own. False when the deadline passes first."""
    graphs = []
    if DEVICE.type == "cuda":
        for t in trainings:
            t.begin(0)
            t.stream = torch.cuda.Stream()
            t.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(t.stream):
                for _ in range(2):
                    t.step()
            torch.cuda.synchronize()
            t.step_index.zero_()
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(t.generator)
            with torch.cuda.graph(graph, stream=t.stream):
                for _ in range(STEPS_A_GRAPH):
                    t.step()
            graphs.append(graph)
    for epoch in range(epochs):
        for t in trainings:
            if DEVICE.type == "cuda":
                with torch.cuda.stream(t.stream):
                    t.begin(epoch)
            else:
                t.begin(epoch)
        for _ in range(max(t.steps for t in trainings) // STEPS_A_GRAPH):
            for t, graph in zip(trainings, graphs):
                with torch.cuda.stream(t.stream):
                    graph.replay()
            if not graphs:
                for t in trainings:
                    for _ in range(STEPS_A_GRAPH):
                        t.step()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        if time.time() > deadline:
            return False
    return True


def errors(log_probabilities, labels):
    return 100 * float((log_probabilities.argmax(1) != labels).float().mean())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--epochs", type=int, help="instead of the recipes' own, to try the script")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    data, deadline = Data(args.data), time.time() + args.seconds
    done, saved = {}, {}
    print(f"{'recipe':18}{'alone':>8}{'+ tta':>8}{'as one':>8}{'+ tta':>8}{'log loss':>10}{'train':>8}{'seconds':>9}   each", flush=True)
    for name in args.recipes:
        recipe = RECIPES[name]
        if args.epochs:
            recipe = replace(recipe, epochs=args.epochs)
        started = time.time()
        trainings = []
        for fold in range(FOLDS):
            for seed in range(SEEDS):
                others = done.get(recipe.teacher, {})
                teachers = [others[fold, (seed + k) % SEEDS] for k in range(recipe.teachers)]
                trainings.append(Training(data, recipe, fold, seed, teachers))
        if not train(trainings, recipe.epochs, deadline):
            print(f"{name}: out of time", flush=True)
            break
        rows = {False: [], True: []}
        for t in trainings:
            for shifted in rows:
                rows[shifted].append(t.log_probabilities(shifted))
        labels = [data.y[t.held] for t in trainings]
        mean = lambda values: sum(values) / len(values)
        alone = {s: [errors(p, y) for p, y in zip(rows[s], labels)] for s in rows}
        at_once = lambda part: torch.stack(part).exp().mean(0)
        together = {s: mean([errors(at_once(rows[s][f * SEEDS : (f + 1) * SEEDS]), labels[f * SEEDS]) for f in range(FOLDS)]) for s in rows}
        log_loss = mean([float(F.nll_loss(p, y)) for p, y in zip(rows[False], labels)])
        loss = mean([float(t.loss_sum) / t.steps for t in trainings])
        print(
            f"{name:18}{mean(alone[False]):8.3f}{mean(alone[True]):8.3f}{together[False]:8.3f}{together[True]:8.3f}{log_loss:10.4f}{loss:8.4f}"
            f"{time.time() - started:9.1f}   {' '.join(f'{e:.2f}' for e in alone[False])}",
            flush=True,
        )
        shared = min(len(y) for y in labels)  # so that they lie in one array
        saved[name] = np.stack([torch.stack([rows[s][i][:shared] for s in rows]).half().cpu().numpy() for i in range(len(trainings))])
        done[name] = {(f, s): trainings[f * SEEDS + s].net.eval() for f in range(FOLDS) for s in range(SEEDS)}
        for t in trainings:
            t.net.requires_grad_(False)
        if args.out:
            np.savez_compressed(args.out, labels=np.stack([y[:shared].cpu().numpy() for y in labels]), **saved)


if __name__ == "__main__":
    main()
