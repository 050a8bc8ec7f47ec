"""Looks for numbers in files: `search.py FOLDER RECORD.npz...`.

Prints how many runs of sixteen bytes of what the records' clients must keep to themselves (`update/...`, and what it
changed of `received/...`) lie anywhere in the files below FOLDER, then how many of what was sent to them do.
"""

import sys
from pathlib import Path

import numpy as np

RUN = 4


def runs(words):
    """Every run of four words, as bytes. Words of a model that is zero in places are no secret."""
    words = np.ascontiguousarray(words, dtype="<f4").ravel()
    return {words[at : at + RUN].tobytes() for at in range(len(words) - RUN + 1) if words[at : at + RUN].all()}


def found(data, wanted):
    """The wanted runs that are in the data, wherever they begin."""
    raw = np.frombuffer(data, np.uint8).astype(np.uint64)
    if len(raw) < 16:
        return set()
    # Most places cannot begin any of them: only the others are looked up.
    begins = raw[:-15] | raw[1:-14] << 8 | raw[2:-13] << 16 | raw[3:-12] << 24
    first = np.array([int.from_bytes(run[:4], "little") for run in wanted], dtype=np.uint64)
    places = np.nonzero(np.isin(begins, first))[0]
    return {data[place : place + 16] for place in places} & wanted


def main():
    """Returns the exit code."""
    folder, secret, sent = Path(sys.argv[1]), set(), set()
    for path in sys.argv[2:]:
        with np.load(path) as record:
            for name in (key.removeprefix("update/") for key in record if key.startswith("update/")):
                update, received = record[f"update/{name}"], record[f"received/{name}"]
                secret |= runs(update) | runs(update - received)
                sent |= runs(received)
    secret -= sent
    files = [path for path in folder.rglob("*") if path.is_file()]
    leaked, known = set(), set()
    for path in files:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            # What a round is done with is thrown away meanwhile.
            continue
        leaked |= found(data, secret)
        known |= found(data, sent)
    print(f"{len(leaked)} of {len(secret)} secret, {len(known)} of {len(sent)} sent, in {len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
