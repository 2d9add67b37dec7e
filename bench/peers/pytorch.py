"""PyTorch and ONNX Runtime as contenders of bench/run.mjs, by the protocol of child.mjs.

    python pytorch.py pytorch|onnxruntime [--compile]

The networks and their optimizers are those of networks_pytorch.py. Each task is tried in a few variants (memory layout,
number of threads, compiled or not); the fastest one stands for the peer. Inputs are numbers already, whereas Ductus
starts from bytes.
"""

import io, json, os, pathlib, sys, time, warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
warnings.simplefilter("ignore")

ENGINE, COMPILE = sys.argv[1], "--compile" in sys.argv
TRIALS, TRIAL, WARM_UP = 2, 0.2, 0.3
# Answers go to what was standard output; whatever libraries print goes to standard error.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(value):
    ANSWERS.write(json.dumps(value) + "\n")
    ANSWERS.flush()


try:
    import torch
    import torch.nn.functional as F
    from networks_pytorch import NETWORKS

    if ENGINE == "onnxruntime":
        import onnxruntime
except ImportError as error:
    sys.stdin.readline()
    answer({"error": f"{sys.executable} has no {error.name}"})
    sys.exit()


def steps_per_second(step, seconds):
    started = time.perf_counter()
    steps = 0
    while True:
        step()
        steps += 1
        now = time.perf_counter()
        if now - started >= seconds:
            return steps / (now - started)


def training(network, batch, layout, threads, compiled):
    make, _, optimizer, _, _ = NETWORKS[network]
    net = make().to(memory_format=layout)
    opt = optimizer(net.parameters())
    for group in opt.param_groups:
        group["lr"] = 0.0  # as in lib/programs.mjs
    x = torch.rand(batch, 1, 28, 28).to(memory_format=layout)
    y = torch.arange(batch) % 10
    forward = torch.compile(net) if compiled else net

    def step():
        torch.set_num_threads(threads)
        opt.zero_grad()
        F.cross_entropy(forward(x), y).backward()
        opt.step()

    return step


def inference(network, batch, layout, threads, compiled):
    net = NETWORKS[network][0]().eval().to(memory_format=layout)
    x = torch.rand(batch, 1, 28, 28).to(memory_format=layout)
    forward = torch.compile(net) if compiled else net

    def step():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            forward(x)

    return step


def thread_counts(task):
    """One thread is faster where there is little to do, or where something else keeps a core busy."""
    return sorted({task["threads"], 1}, reverse=True)


def pytorch_variants(task):
    """(what it is, how to make a step of it), for every variant of a task."""
    make = training if task["kind"] == "training" else inference
    for threads in thread_counts(task):
        for name, layout in (("default layout", torch.contiguous_format), ("channels_last", torch.channels_last)):
            # Compiled code has its number of threads in it, and compiling takes long: only all of them.
            for compiled in (False, True) if COMPILE and threads == task["threads"] else (False,):
                title = f"{name}, threads: {threads}" + (", compiled" if compiled else "")
                yield title, lambda layout=layout, threads=threads, compiled=compiled: make(
                    task["network"], task["batch"], layout, threads, compiled
                )


def onnx_variants(task):
    file = io.BytesIO()
    net = NETWORKS[task["network"]][0]().eval()
    example = torch.rand(task["batch"], 1, 28, 28)
    torch.onnx.export(net, (example,), file, dynamo=False, input_names=["x"], output_names=["logits"])
    x = {"x": example.numpy()}

    def make(threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, x)

    for threads in thread_counts(task):
        yield f"threads: {threads}", lambda threads=threads: make(threads)


class Contender:
    def hello(self, _):
        names = {"pytorch": torch.__version__, "python": sys.version.split()[0]}
        return {"versions": {"onnxruntime": onnxruntime.__version__} if ENGINE == "onnxruntime" else names}

    def open(self, request):
        task = request["task"]
        if task["network"] not in NETWORKS:
            raise KeyError(f"{task['network']} is not in networks_pytorch.py")
        steps, problems = {}, []
        for note, make in (pytorch_variants if ENGINE == "pytorch" else onnx_variants)(task):
            try:
                step = make()
                steps_per_second(step, WARM_UP)
                steps[note] = step
            except Exception as error:  # a variant that fails (torch.compile without a C++ compiler) is left out
                problems.append(f"{note}: {str(error).strip().splitlines()[0][:120]}")
        if not steps:
            raise RuntimeError("; ".join(problems))
        rates = dict.fromkeys(steps, 0)
        for _ in range(TRIALS):
            for note, step in steps.items():
                rates[note] = max(rates[note], steps_per_second(step, TRIAL))
        note = max(rates, key=rates.get)
        self.step = steps[note]
        self.batch = task["batch"]
        return {"note": "; ".join([note, *(f"failed: {problem}" for problem in problems)])}

    def measure(self, request):
        return {"rate": steps_per_second(self.step, request["seconds"]) * self.batch}

    def close(self, _):
        self.step = None
        return {}


def main():
    contender = Contender()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(getattr(contender, request["do"])(request))
        except Exception as error:
            answer({"error": str(error).strip().splitlines()[0]})


main()
