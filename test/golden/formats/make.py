"""Makes the golden files of the format tests, with PyTorch 2.13 and safetensors 0.8: python make.py

Every value is i / 4 - 2 (or i - 3 for whole numbers) in row-major order, exact in every type; `evil.pt` must be
refused.
"""
import argparse
import dataclasses
import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path, PurePosixPath

import numpy

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
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
net(torch.ones(1, 1, 4, 4)).sum().backward()
optimizer.step()
with torch.no_grad():
    for p in net.parameters():
        p.copy_(ramp(p.shape, p.dtype))
checkpoint = {"epoch": 3, "big": 2**80, "model": net.state_dict(), "optimizer": optimizer.state_dict(), "note": "ü", "list": [1, None, (2.5, True)]}
torch.save(checkpoint, here / "checkpoint.pth")
torch.save(net.state_dict(), here / "protocol4.pt", pickle_protocol=4)
torch.save({"w": torch.ones(2)}, here / "legacy.pt", _use_new_zipfile_serialization=False)


class Evil:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


torch.save({"w": torch.ones(2), "x": Evil()}, here / "evil.pt")
torch.save(net[0], here / "module.pt")

# Beside the weights: whatever training scripts keep there. Only the weights are to be read.
@dataclasses.dataclass
class Settings:
    lr: float = 0.1


weights = OrderedDict([("fc.weight", ramp([2, 3], torch.float32)), ("fc.bias", ramp([2], torch.float32))])
steps = torch.optim.lr_scheduler.MultiStepLR(torch.optim.SGD(net.parameters(), lr=0.1), [3, 4])
sparse = torch.eye(3).to_sparse()
beside = {
    "scheduler": steps.state_dict(), "args": argparse.Namespace(lr=1, path=PurePosixPath("/x")), "settings": Settings(),
    "best": numpy.float64(99.1), "confusion": numpy.eye(2), "device": torch.device("cuda:0"), "dtype": torch.bfloat16, "set": {1, "a"},
    "frozen": frozenset([2]), "bytes": b"\xffx", "bytearray": bytearray(b"y"), "complex": 1j, "counts": Counter("aab"),
    "by_class": defaultdict(list, {"a": [1]}), "rng": torch.get_rng_state(), "layout": torch.strided, "big": 2**70,
    "uint16": torch.ones(2, dtype=torch.uint16), "sparse": sparse, "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 3, torch.qint8),
    "spectrum": torch.ones(2, dtype=torch.complex64).conj(), "seeds": torch.tensor([2**40]), "optimizer": optimizer.state_dict(),
    "none": None, "function": os.path.join,
}
for protocol in 2, 4:
    torch.save({"state_dict": weights, **beside}, here / f"beside-{protocol}.pt", pickle_protocol=protocol)

# What changes the meaning of the bytes: the negative bit, types that tensors name themselves, parameters with attributes.
flags = OrderedDict()
flags["neg.f32"] = torch.tensor([1 + 2j, 3 + 4j]).conj().imag
for dtype in torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8:
    flags[f"neg.{str(dtype)[6:]}"] = torch._neg_view(ramp([2, 3], dtype))
flags["neg.column"] = torch._neg_view(ramp([2, 3], torch.float32))[:, 1]
for dtype in torch.uint16, torch.uint32, torch.uint64:
    flags[str(dtype)[6:]] = torch.arange(65530, 65536, dtype=torch.int64).to(dtype)[1:]
flags["parameter"] = torch.nn.Parameter(ramp([2, 3], torch.float32))
flags["parameter"].note = "an attribute"
flags["attributes"] = ramp([2, 3], torch.float32)
flags["attributes"].note = "an attribute"
flags["buffer"] = torch.nn.Buffer(ramp([2, 3], torch.float32))
flags["hole"] = torch.zeros(3, 0, 2)
flags["end"] = ramp([4], torch.float32)[4:]
torch.save(flags, here / "flags.pt")
loaded = torch.load(here / "flags.pt", weights_only=True)
assert loaded["neg.f32"].tolist() == [-2, -4] and loaded["neg.uint8"].tolist() == [[0, 255, 254], [253, 252, 251]]

# Formats from before 1.6, with views of shared storages.
old_views = OrderedDict((name, views[name]) for name in ["f64", "i64", "bool", "transposed", "row", "column", "stepped", "expanded", "scalar", "empty"])
torch.save({"state_dict": old_views, "best": numpy.float64(99.1)}, here / "legacy-views.pt", _use_new_zipfile_serialization=False)


class OldPickler(pickle.Pickler):
    """A tensor is known by its key alone."""
    def persistent_id(self, value):
        return str(id(value)) if isinstance(value, torch.Tensor) else None


def old_tar(path, tensors):
    """PyTorch 0.1.9 and older; the code that wrote it is gone, the one that reads it is not."""
    storages = {t.untyped_storage().data_ptr(): t for t in tensors.values()}
    classes = {torch.float32: torch.FloatStorage, torch.float64: torch.DoubleStorage, torch.int64: torch.LongStorage}
    files = {name: io.BytesIO() for name in ("sys_info", "pickle", "storages", "tensors")}
    pickle.dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, files["sys_info"], protocol=2)
    pickle.dump(len(storages), files["storages"], protocol=2)
    for key, tensor in storages.items():
        pickle.dump((key, "cpu", classes[tensor.dtype]), files["storages"], protocol=2)
        raw = bytes(tensor.untyped_storage())
        files["storages"].write(struct.pack("<q", len(raw) // tensor.element_size()) + raw)
    pickle.dump([], files["storages"], protocol=2)
    pickle.dump(len(tensors), files["tensors"], protocol=2)
    for tensor in tensors.values():
        pickle.dump((id(tensor), tensor.untyped_storage().data_ptr(), torch.FloatTensor), files["tensors"], protocol=2)
        files["tensors"].write(struct.pack("<ii", tensor.dim(), 0) + struct.pack(f"<{2 * tensor.dim() + 1}q", *tensor.size(), *tensor.stride(), tensor.storage_offset()))
    OldPickler(files["pickle"], protocol=2).dump(tensors)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, file in files.items():
            info = tarfile.TarInfo(name)
            info.size = file.tell()
            file.seek(0)
            tar.addfile(info, file)


oldest = OrderedDict((name, views[name]) for name in ["f64", "i64", "transposed", "row", "column"])
old_tar(here / "oldest.tar", oldest)
read = torch.load(here / "oldest.tar", weights_only=False)
assert list(read) == list(oldest) and all(torch.equal(read[name], oldest[name]) for name in oldest)

# Written on a machine whose numbers begin with the other byte.
with zipfile.ZipFile(here / "protocol4.pt") as plain, zipfile.ZipFile(here / "big-endian.pt", "w") as swapped:
    for name in plain.namelist():
        data = plain.read(name)
        if name.endswith("/byteorder"):
            data = b"big"
        elif "/data/" in name:
            data = numpy.frombuffer(data, "<i8" if len(data) == 8 and int.from_bytes(data, "little") < 9 else "<i4").byteswap().tobytes()
        swapped.writestr(name, data)
read = torch.load(here / "big-endian.pt", weights_only=False)
assert torch.equal(read["0.weight"], ramp([2, 1, 3, 3], torch.float32)) and read["1.num_batches_tracked"].item() == 1

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
for name in ["model.safetensors", "model-2.safetensors"]:  # of format 1, which is no longer written, and of format 2
    with safetensors.safe_open(here / name, "pt") as file:
        assert "ductus" in file.metadata() and torch.equal(file.get_tensor("fc.weight"), ramp([2, 3], torch.float32))
