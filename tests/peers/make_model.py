"""Writes an initial model: `make_model.py numpy|10kB|40MB|resnet18 OUT.npz`."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE / "numpy-app"), str(HERE / "constant-app")]

from constant_app import models  # noqa: E402
from numpy_app import task  # noqa: E402


def main():
    """Returns the exit code."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("numpy", *models.SHAPES):
        print(__doc__, file=sys.stderr)
        return 2
    kind, path = sys.argv[1:]
    model = task.initial_model() if kind == "numpy" else models.initial_model(kind)
    np.savez(path, **model)
    print(f"{len(model)} arrays, {sum(array.size for array in model.values())} values, {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
