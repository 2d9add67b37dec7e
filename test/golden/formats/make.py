"""Makes the golden files of the format tests, with PyTorch 2.13 and safetensors 0.8: python make.py

Every value is i / 4 - 2 (or i - 3 for whole numbers) in row-major order, exact in every type; `legacy.pt` and `evil.pt`
must be refused.
"""
import os
from collections import OrderedDict
from pathlib import Path

import safetensors.torch
import torch

here = Path(__file__).parent


def ramp(shape, dtype):
    count = torch.Size(shape).numel()
    i = torch.arange(count, dtype=torch.float64)
    values = i / 4 - 2 if dtype.is_floating_point else (i % 2 if dtype == torch.bool else i - (0 if dtype == torch.uint8 else 3))
    return values.to(dtype).reshape(shape)


dtypes = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool,
}
every = OrderedDict((name, ramp([2, 3], dtype)) for name, dtype in dtypes.items())
every["scalar"] = torch.tensor(1.5)
every["empty"] = torch.zeros(0, 3)
safetensors.torch.save_file(every, here / "every-dtype.safetensors", metadata={"note": "naïve ✓"})

# Values that half floats are hardest on: subnormals, the largest, infinities.
halves = torch.tensor([2.0**-24, -(2.0**-15), 65504.0, float("inf"), float("-inf"), -0.0, 1 / 3], dtype=torch.float16)
safetensors.torch.save_file({"f16": halves, "bf16": halves.to(torch.bfloat16), "f32": halves.float()}, here / "halves.safetensors")

# A state dict with what makes reading hard: shared storage, offsets, strides of every kind, a scalar, parameters.
base = ramp([4, 6], torch.float32)
views = OrderedDict(every)
views["conv.weight"] = torch.nn.Parameter(ramp([2, 1, 3, 3], torch.float32))
views["transposed"] = base.T
views["row"] = base[2]
views["column"] = base[:, 3]
views["stepped"] = base[::2, 1::2]
views["expanded"] = torch.tensor([[5.0], [6.0]]).expand(2, 3)
views["channels_last"] = ramp([2, 3, 2, 2], torch.float32).to(memory_format=torch.channels_last)
views["wide"] = ramp([300], torch.float32)
torch.save(views, here / "views.pt")

net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
with torch.no_grad():
    for p in net.parameters():
        p.copy_(ramp(p.shape, p.dtype))
optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
net(torch.ones(1, 1, 4, 4)).sum().backward()
optimiser.step()
with torch.no_grad():
    for p in net.parameters():
        p.copy_(ramp(p.shape, p.dtype))
checkpoint = {"epoch": 3, "big": 2**80, "model": net.state_dict(), "optimizer": optimiser.state_dict(), "note": "ü", "list": [1, None, (2.5, True)]}
torch.save(checkpoint, here / "checkpoint.pth")
torch.save(net.state_dict(), here / "protocol4.pt", pickle_protocol=4)
torch.save({"w": torch.ones(2)}, here / "legacy.pt", _use_new_zipfile_serialization=False)


class Evil:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


torch.save({"w": torch.ones(2), "x": Evil()}, here / "evil.pt")
torch.save(net[0], here / "module.pt")

# Files that Ductus writes (the tests hold its writers to these very bytes) open here with the values that went in.
written = torch.load(here / "written.pt", weights_only=True)
assert list(written) == ["conv.weight", "größe", "steps", "none"]
assert torch.equal(written["conv.weight"], ramp([2, 1, 3, 3], torch.float32))
assert torch.equal(written["größe"], ramp([300], torch.float32))
assert torch.equal(written["steps"], torch.tensor(-7, dtype=torch.int32)) and written["none"].shape == (0, 3)
with safetensors.safe_open(here / "written.safetensors", "pt") as file:
    assert file.metadata() == {"note": "naïve ✓"}
    assert torch.equal(file.get_tensor("a.weight"), ramp([2, 3], torch.float32))
    assert file.get_tensor("b").tolist() == [1, 2, 3] and file.get_tensor("n").item() == 7
with safetensors.safe_open(here / "model.safetensors", "pt") as file:
    assert "ductus" in file.metadata() and torch.equal(file.get_tensor("fc.weight"), ramp([2, 3], torch.float32))
