"""The other side of the comparison of encodings: `encodings.py FOLDER`.

Reads `cases.json` and `data.bin`: for each case its description and what our side has, base, trained and payload. Writes
`results.bin`: for each case this side's payload, and what this side makes of ours. Lengths are in `results.json`.
"""

import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python" / "src"))

from thunderline import encoding as codec  # noqa: E402


def main(folder: pathlib.Path) -> None:
    cases = json.loads((folder / "cases.json").read_text())
    data, at = (folder / "data.bin").read_bytes(), 0
    lengths, out = [], []
    for case in cases:
        parts = []
        for length in case["lengths"]:
            parts.append(data[at : at + length])
            at += length
        dtype, shape = np.dtype(case["dtype"]), tuple(case["shape"])
        base, trained = (np.frombuffer(part, dtype=dtype).reshape(shape) for part in parts[:2])
        terms = codec.Terms.read(json.dumps(case["terms"]))
        sent, _ = codec.encode_update(terms, {case["name"]: base}, {case["name"]: trained})
        sent = sent[case["name"]]
        if case["payload"]:
            delta = codec.decode(terms.encoding, np.frombuffer(parts[2], dtype=np.uint8), dtype, shape)
            restored = codec.restore(base, delta)
            assert sent.dtype == np.uint8, case
        else:
            restored = trained
            assert sent.dtype == dtype, case
        results = [sent.tobytes(), restored.tobytes()]
        lengths.append([len(result) for result in results])
        out += results
    (folder / "results.bin").write_bytes(b"".join(out))
    (folder / "results.json").write_text(json.dumps(lengths))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
