"""PyTorch as the contender of `npm run bench -- sequences`, by the protocol of child.mjs.

The models are those of lib/sequences.mjs, by name. All threads and one are tried; the faster one stands for the peer.
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


# batch, time, and how the model is made
MODELS = {
    "gpt-small": (12, 64, lambda: Gpt(4, 4, 128, 64)),
    "gpt-10.8M": (64, 256, lambda: Gpt(6, 6, 384, 256)),
    "lstm": (64, 64, lambda: Recurrent(nn.LSTM, 2, 128)),
    "gru": (64, 64, lambda: Recurrent(nn.GRU, 2, 128)),
}


def training(model, threads):
    batch, length, make = MODELS[model]
    net = make()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.0)
    tokens = torch.arange(batch * length).reshape(batch, length) * 7919 % VOCABULARY

    def step():
        torch.set_num_threads(threads)
        optimizer.zero_grad()
        F.cross_entropy(net(tokens).view(-1, VOCABULARY), tokens.view(-1)).backward()
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
        for threads in sorted({task["threads"], 1}, reverse=True):
            step = training(task["model"], threads)
            step()
            rates[threads] = (steps_per_second(step, 0.3), step)
        threads = max(rates, key=lambda count: rates[count][0])
        self.step = rates[threads][1]
        return {"note": f"{torch.__version__}, threads: {threads}"}

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
