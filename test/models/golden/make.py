"""Values of PyTorch for test/models: writes networks.json beside this file. Run with PyTorch 2.x: python make.py

Weights and pictures follow formulas that the test repeats, so that only names, shapes and logits need to be stored.
"""
import json, pathlib, sys
import numpy as np, torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "bench"))
from networks_pytorch import MODELS

torch.set_num_threads(1)


def run(name, side, channels, classes):
    make, (mean, std) = MODELS[name]
    network = make(side=side, channels=channels, classes=classes)
    for k, (_, p) in enumerate(network.named_parameters()):
        fan_in = p[0].numel() if p.dim() > 1 else p.numel()
        values = np.sin(np.arange(p.numel()) * 0.7 + k) / np.sqrt(fan_in)
        p.data = torch.tensor(values, dtype=torch.float32).reshape(p.shape)
    count = 2 * side * side * channels
    pixels = torch.tensor((np.arange(count) * 37 + 11) % 256, dtype=torch.float32).reshape(2, side, side, channels)
    x = ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network.eval()(x)
    return {
        "name": name, "inputShape": [side, side, channels], "classes": classes,
        "parameters": {k: list(v.shape) for k, v in network.state_dict().items()},
        "count": sum(v.numel() for v in network.state_dict().values()),
        "logits": [float(f"{v:.9g}") for v in logits.flatten().tolist()],
    }


cases = [run(name, 28, 1, 10) for name in MODELS] + [run(name, 16, 3, 4) for name in MODELS]
(pathlib.Path(__file__).parent / "networks.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}))
