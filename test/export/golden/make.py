"""Runs the modules that `ductus export --to pt` writes in PyTorch, and keeps their sources and their logits.

    python test/export/golden/make.py        (from the root, after npm ci)

Needs torch. The weights depend on seeds only, so they are not kept. torch-module.test.ts compares the sources with what is
written now, letter by letter, and the logits with the engine's.
"""
import importlib.util
import json
import subprocess
import tempfile
from pathlib import Path

import torch

here = Path(__file__).parent


def pixels(batch, shape):
    """[batch, channels, height, width]; the same bytes as in the test."""
    height, width, channels = shape
    n = torch.arange(batch * height * width * channels, dtype=torch.int64)
    values = (n * 37 + (n * n) % 101) % 256
    return values.reshape(batch, height, width, channels).permute(0, 3, 1, 2).contiguous()


golden = {}
with tempfile.TemporaryDirectory() as folder:
    bundle = Path(folder) / "write.mjs"
    subprocess.run(["npx", "rolldown", str(here / "write.ts"), "--platform", "node", "--format", "esm", "--no-code-splitting", "-o", str(bundle)], check=True)
    subprocess.run(["node", str(bundle), folder], check=True)
    shapes = json.loads((Path(folder) / "shapes.json").read_text())
    for i, (name, shape) in enumerate(shapes.items()):
        source = Path(folder) / f"network{i}.py"
        spec = importlib.util.spec_from_file_location(f"network{i}", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        network = module.Network()
        network.load_state_dict(torch.load(source.with_suffix(".pt"), weights_only=True))
        network.eval()
        with torch.no_grad():
            logits = network(pixels(3, shape))
        golden[name] = {"source": source.read_text(), "logits": logits.double().flatten().tolist()}

(here / "torch-modules.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
