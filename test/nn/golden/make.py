"""Values of PyTorch for test/nn: writes layers.json beside this file. Run with PyTorch 2.x: python make.py"""
import json, pathlib, torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)


def numbers(tensor):
    data = [float(f"{v:.8g}") for v in tensor.detach().flatten().tolist()]
    return {"shape": list(tensor.shape), "data": data, **({} if tensor.is_floating_point() else {"dtype": "int32"})}


def nhwc(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


def case(name, module, x, steps=2):
    """Two training passes (running statistics move), then one in evaluation, and all parameters before and after."""
    record = {"name": name, "input": numbers(nhwc(x)), "before": {k: numbers(v) for k, v in module.state_dict().items()}}
    module.train()
    record["training"] = [numbers(nhwc(module(x * (i + 1)))) for i in range(steps)]
    module.eval()
    record["evaluation"] = numbers(nhwc(module(x)))
    record["after"] = {k: numbers(v) for k, v in module.state_dict().items()}
    return record


def perturb(module):
    for p in module.parameters():
        p.data += 0.3 * torch.randn_like(p)
    return module


def separable(i, o, k, **options):
    class Separable(nn.Module):
        def __init__(self):
            super().__init__()
            self.depthwise = nn.Conv2d(i, i, k, groups=i, **options)
            self.pointwise = nn.Conv2d(i, o, 1)

        def forward(self, x):
            return self.pointwise(self.depthwise(x))

    return Separable()


picture = torch.randn(2, 4, 4, 5)
cases = [
    case("batchNorm", perturb(nn.BatchNorm2d(4)), picture),
    case("batchNormAverage", perturb(nn.BatchNorm2d(4, momentum=None, eps=1e-3)), picture),
    case("groupNorm", perturb(nn.GroupNorm(2, 4)), picture),
    case("layerNorm", perturb(nn.LayerNorm(6)), torch.randn(3, 6)),
    case("conv", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2), picture),
    case("convSame", nn.Conv2d(4, 2, (3, 4), padding="same", bias=False), picture),
    case("separable", separable(4, 3, 3, padding=1, dilation=2), picture),
    case("flattened", nn.Sequential(nn.Conv2d(4, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3), nn.Tanh()), picture),
    case("rmsNorm", perturb(nn.RMSNorm(6)), torch.randn(3, 6)),
    case("embedding", perturb(nn.Embedding(30, 5, padding_idx=3)), torch.randint(0, 15, (2, 7))),
]
(pathlib.Path(__file__).parent / "layers.json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}))
