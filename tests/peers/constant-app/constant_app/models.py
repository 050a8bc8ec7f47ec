"""Models by size: little, large in few arrays, and large in many."""

import numpy as np


def normalisation(prefix, channels):
    """The five arrays that a batch normalisation keeps."""
    return {
        f"{prefix}.weight": (channels,),
        f"{prefix}.bias": (channels,),
        f"{prefix}.running_mean": (channels,),
        f"{prefix}.running_var": (channels,),
        f"{prefix}.num_batches_tracked": (),
    }


def resnet18():
    """The 122 arrays of a ResNet-18 for 1 000 classes, 11.7 million values."""
    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64)}
    channels = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            prefix = f"layer{layer}.{block}"
            shapes[f"{prefix}.conv1.weight"] = (width, channels, 3, 3)
            shapes |= normalisation(f"{prefix}.bn1", width)
            shapes[f"{prefix}.conv2.weight"] = (width, width, 3, 3)
            shapes |= normalisation(f"{prefix}.bn2", width)
            if channels != width:
                shapes[f"{prefix}.downsample.0.weight"] = (width, channels, 1, 1)
                shapes |= normalisation(f"{prefix}.downsample.1", width)
            channels = width
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


SHAPES = {
    "10kB": {"weight": (50, 49), "bias": (50,)},
    "40MB": {f"layer{index}": (2500, 1000) for index in range(4)},
    "resnet18": resnet18(),
}


def initial_model(kind):
    """Name to float32 array, the same at every call."""
    rng = np.random.default_rng(11)
    return {name: rng.random(shape, dtype=np.float32) for name, shape in SHAPES[kind].items()}
