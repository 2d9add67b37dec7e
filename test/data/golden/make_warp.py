"""Writes warp.json: pictures sampled by torch.nn.functional.grid_sample at the positions that random maps give.

    python make_warp.py        (PyTorch 2; any version gives the same to the digits kept)
"""
import json
from pathlib import Path

import torch

torch.manual_seed(7)


def blobs(height, width, channels):
    """Smooth enough to be like a picture, with full contrast and values up to the border."""
    small = torch.rand(1, channels, (height + 2) // 3 + 1, (width + 2) // 3 + 1, dtype=torch.float64)
    image = torch.nn.functional.interpolate(small, size=(height, width), mode="bilinear", align_corners=True)
    image = (image - image.min()) / (image.max() - image.min())
    return (255 * image[0]).round()  # [C, H, W]


def sample(image, matrix, ground):
    """Matrix: position in the result, off the center, to position in the picture, off the center."""
    _, height, width = image.shape
    center = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    position = torch.stack([x - center[0], y - center[1], torch.ones_like(x)], -1) @ matrix.T
    position = position[..., :2] / position[..., 2:] + center
    grid = 2 * position / torch.tensor([width - 1, height - 1]).double() - 1
    mode = "zeros" if ground is not None else "border"
    level = 0 if ground is None else ground
    out = torch.nn.functional.grid_sample(
        (image - level)[None], grid[None], mode="bilinear", padding_mode=mode, align_corners=True
    )
    return out[0] + level


cases = []
for height, width, channels, ground in [(28, 28, 1, 0), (7, 5, 1, 255), (9, 18, 3, None), (16, 16, 1, None)]:
    image = blobs(height, width, channels)
    for kind in ["affine", "projective"]:
        matrix = torch.eye(3, dtype=torch.float64)
        matrix[:2, :2] += 0.4 * (torch.rand(2, 2, dtype=torch.float64) - 0.5)
        matrix[:2, 2] = 4 * (torch.rand(2, dtype=torch.float64) - 0.5)
        if kind == "projective":
            matrix[2, :2] = (torch.rand(2, dtype=torch.float64) - 0.5) / max(height, width)
        cases.append({
            "kind": kind,
            "shape": [height, width, channels],
            "ground": ground,
            "pixels": image.permute(1, 2, 0).flatten().int().tolist(),
            "matrix": [round(v, 12) for v in matrix.flatten().tolist()],
            "want": [round(v, 3) for v in sample(image, matrix, ground).permute(1, 2, 0).flatten().tolist()],
        })

Path(__file__).with_name("warp.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
