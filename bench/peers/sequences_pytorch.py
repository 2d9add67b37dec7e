"""PyTorch as the contender of `npm run bench -- sequences`, by the protocol of child.mjs.

The models are those of lib/sequences.mjs, by name. All threads and one are tried, and for convolutions both layouts of memory; the fastest stands for the peer.
"""

import json, os, sys, time, warnings

warnings.simplefilter("ignore")
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(value):
    ANSWERS.write(json.dumps(value) + "\n")
    ANSWERS.flush()


try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as error:
    sys.stdin.readline()
    answer({"error": f"{sys.executable} has no {error.name}"})
    sys.exit()

VOCABULARY = 65


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.ln_1(x)).split(c, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, c)
        x = x + self.proj(mixed)
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, layers, heads, width, time):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCABULARY, width), nn.Embedding(time, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f, self.lm_head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class Recurrent(nn.Module):
    def __init__(self, kind, layers, width):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.rnn = kind(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, VOCABULARY)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0])


HEIGHT, OUTPUTS, SYMBOLS = 28, 19, 6


class Reader(nn.Module):
    """The network of src/models/reader.ts on pictures [batch, 1, columns, height]."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs, kernel, padding=0, pool=None):
            pools = [] if pool is None else [nn.MaxPool2d(pool)]
            return [nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False), *pools, nn.BatchNorm2d(outputs), nn.ReLU()]

        self.features = nn.Sequential(
            *block(1, 16, 5, 2, 2),
            *block(16, 32, 3, 1),
            *block(32, 32, 3, 1, (1, 2)),
            *block(32, 48, 3, 1),
            *block(48, 48, 3, 1),
            *block(48, 64, (1, HEIGHT // 4)),
            *block(64, 64, (5, 1), (2, 0)),
            *block(64, 64, (5, 1), (2, 0)),
        )
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(64, OUTPUTS)

    def forward(self, x):
        return self.fc(self.dropout(self.features(x / 255).squeeze(3).transpose(1, 2)))


# batch, time, how the model is made, and in which layouts of memory
PLAIN = [torch.contiguous_format]
MODELS = {
    "gpt-small": (12, 64, lambda: Gpt(4, 4, 128, 64), PLAIN),
    "gpt-10.8M": (64, 256, lambda: Gpt(6, 6, 384, 256), PLAIN),
    "lstm": (64, 64, lambda: Recurrent(nn.LSTM, 2, 128), PLAIN),
    "gru": (64, 64, lambda: Recurrent(nn.GRU, 2, 128), PLAIN),
    "reader": (64, 128, Reader, [torch.contiguous_format, torch.channels_last]),
}


def guessing(net, batch, length):
    tokens = torch.arange(batch * length).reshape(batch, length) * 7919 % VOCABULARY
    return lambda: F.cross_entropy(net(tokens).view(-1, VOCABULARY), tokens.view(-1))


def reading(net, batch, columns, layout):
    pixels = torch.arange(batch * columns * HEIGHT).reshape(batch, 1, columns, HEIGHT) * 7919 % 256
    x = pixels.to(torch.float32).to(memory_format=layout)
    symbols = 1 + torch.arange(batch * SYMBOLS).reshape(batch, SYMBOLS) * 7 % 10
    frames, lengths = torch.full((batch,), columns // 2), torch.full((batch,), SYMBOLS)
    return lambda: F.ctc_loss(net(x).log_softmax(2).transpose(0, 1), symbols, frames, lengths)


def training(model, threads, layout):
    batch, length, make, _ = MODELS[model]
    net = make().to(memory_format=layout)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.0)
    loss = reading(net, batch, length, layout) if model == "reader" else guessing(net, batch, length)

    def step():
        torch.set_num_threads(threads)
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def steps_per_second(step, seconds):
    started = time.perf_counter()
    steps = 0
    while True:
        step()
        steps += 1
        now = time.perf_counter()
        if now - started >= seconds:
            return steps / (now - started)


class Contender:
    def open(self, request):
        task = request["task"]
        rates = {}
        for layout in MODELS[task["model"]][3]:
            for threads in sorted({task["threads"], 1}, reverse=True):
                step = training(task["model"], threads, layout)
                step()
                rates[threads, layout] = (steps_per_second(step, 0.3), step)
        threads, layout = best = max(rates, key=lambda variant: rates[variant][0])
        self.step = rates[best][1]
        plain = layout == torch.contiguous_format
        return {"note": f"{torch.__version__}, threads: {threads}" + ("" if plain else ", channels_last")}

    def measure(self, request):
        return {"rate": steps_per_second(self.step, request["seconds"])}

    def close(self, _):
        self.step = None
        return {}


contender = Contender()
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer(getattr(contender, request["do"])(request))
    except Exception as error:
        answer({"error": (str(error).strip().splitlines() or [type(error).__name__])[0]})
