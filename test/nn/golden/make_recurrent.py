"""Values of torch.nn.LSTM and torch.nn.GRU, forward and backward, for test/nn: writes recurrent.json beside this file.

    python test/nn/golden/make_recurrent.py

Inputs, states and weights are not stored: both sides make them from the same hash (test/golden/noise.py). Computed in
float64. Lengths go through packed sequences. Sequences are batch first; states come as [batch, layers · directions, hidden].
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "golden"))
from noise import uniform_noise

torch.manual_seed(0)


def noise(seed, *shape):
    return torch.tensor(uniform_noise(seed, math.prod(shape), -1, 1).astype(np.float64).reshape(shape))


def shortest(tensor):
    values = np.float32(tensor.detach().reshape(-1).numpy())
    return [float(np.format_float_scientific(value, unique=True, trim="-")) for value in values]


def case(kind, batch, time, features, hidden, layers=1, bidirectional=False, bias=True, states=False, lengths=None):
    config = dict(kind=kind, batch=batch, time=time, features=features, hidden=hidden, layers=layers)
    config |= dict(bidirectional=bidirectional, bias=bias, states=states, lengths=lengths)
    module = getattr(torch.nn, kind)(
        features, hidden, layers, bias=bias, batch_first=True, bidirectional=bidirectional
    ).double()
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(noise(100 + i, *parameter.shape))
    x = noise(1, batch, time, features).requires_grad_()
    rows = layers * (2 if bidirectional else 1)
    names = ["hidden", "cell"] if kind == "LSTM" else ["hidden"]
    first = [noise(2 + i, batch, rows, hidden).requires_grad_() for i in range(len(names))] if states else []
    before = [state.transpose(0, 1) for state in first]
    given = (tuple(before) if kind == "LSTM" else before[0]) if states else None
    if lengths is None:
        output, after = module(x, given)
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        output, after = module(packed, given)
        output, _ = pad_packed_sequence(output, batch_first=True, total_length=time)
    after = [state.transpose(0, 1) for state in (after if kind == "LSTM" else [after])]
    results = dict(zip(["output", *names], [output, *after]))
    sum((y * noise(10 + i, *y.shape)).sum() for i, y in enumerate(results.values())).backward()
    return {
        **config,
        "results": {name: shortest(y) for name, y in results.items()},
        "gradients": {
            "input": shortest(x.grad),
            **{name: shortest(state.grad) for name, state in zip(names, first)},
            **{name: shortest(parameter.grad) for name, parameter in module.named_parameters()},
        },
    }


cases = [
    *(
        each
        for kind in ("LSTM", "GRU")
        for each in (
            case(kind, 2, 3, 4, 8),
            case(kind, 3, 5, 2, 5, states=True),
            case(kind, 2, 4, 3, 4, bidirectional=True),
            case(kind, 4, 3, 5, 3, layers=2, bias=False),
            case(kind, 3, 4, 2, 3, layers=3, bidirectional=True, states=True),
            case(kind, 4, 5, 3, 9, states=True, lengths=[2, 5, 1, 3]),
            case(kind, 3, 6, 2, 4, layers=2, bidirectional=True, states=True, lengths=[6, 1, 4]),
            case(kind, 1, 1, 1, 1),
            case(kind, 9, 2, 3, 17, lengths=[2, 1, 1, 2, 2, 1, 2, 1, 2]),
        )
    )
]
text = json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":"))
(pathlib.Path(__file__).parent / "recurrent.json").write_text(text.replace('{"kind"', '\n{"kind"') + "\n")
