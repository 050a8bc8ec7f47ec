"""Safetensors files as NumPy reads and writes them."""

import json
import os
import tempfile
import unittest

import numpy as np

from thunderline.checkpoints import Arrays, cast, narrow, widen, write


class Checkpoints(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "x.safetensors")

    def test_every_type_and_shape_comes_back_in_its_order(self):
        types = ["?", "u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"]
        arrays = {f"z{kind}": np.arange(6).reshape(2, 3).astype(kind) for kind in types}
        arrays |= {"scalar": np.float32(7), "empty": np.zeros((0, 4)), "big-endian": np.arange(3, dtype=">i4")}
        write(self.path, arrays)
        read = Arrays(self.path)
        self.assertEqual(sorted(read), sorted(arrays))
        self.assertEqual([name for name in read if name != "empty"], [name for name in arrays if name != "empty"])
        for name, values in arrays.items():
            np.testing.assert_array_equal(read[name], values)
            self.assertEqual(read[name].dtype, np.asarray(values).dtype.newbyteorder("<"))
            self.assertEqual(read.shape(name), np.shape(values))

    def test_the_file_is_as_the_format_says(self):
        write(self.path, {"w": np.array([1.0, 2.0], dtype=np.float32)})
        with open(self.path, "rb") as file:
            data = file.read()
        length = int.from_bytes(data[:8], "little")
        self.assertEqual(length % 8, 0)
        header = json.loads(data[8 : 8 + length])
        self.assertEqual(header, {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})
        self.assertEqual(data[8 + length :], np.array([1.0, 2.0], dtype="<f4").tobytes())

    def test_arrays_are_views_of_the_file_that_cannot_be_written_to(self):
        write(self.path, {"flag": np.array([True]), "w": np.arange(4, dtype=np.float64)})
        values = Arrays(self.path)["w"]
        self.assertFalse(values.flags.owndata)
        with self.assertRaises(ValueError):
            values[0] = 1

    def test_what_is_written_becomes_the_type_that_is_asked_for(self):
        values = np.array([0.5, 1.5, -0.4, 300.7, -1e30, 1e30])
        arrays = dict.fromkeys("abc", values) | {"d": values[:4]}
        write(self.path, arrays, {"a": "I8", "b": "BOOL", "c": "I64", "d": "F16"})
        read = Arrays(self.path)
        self.assertEqual(read["a"].tolist(), [0, 2, 0, 127, -128, 127])
        self.assertEqual(read["b"].tolist(), [False, True, False, True, True, True])
        ends = np.iinfo(np.int64)
        self.assertEqual(read["c"].tolist(), [0, 2, 0, 301, ends.min, ends.max])
        self.assertEqual(read["d"].tolist(), [0.5, 1.5, np.float16(-0.4), np.float16(300.7)])
        self.assertEqual(cast(np.array([2**63], dtype=np.uint64), "I64").tolist(), [ends.max])
        with self.assertRaises(ValueError):
            cast(np.array([np.nan]), "I8")
        with self.assertRaises(TypeError):
            write(self.path, {"c": np.array([1j])})

    def test_bfloat16_goes_up_and_down_and_is_rounded_once(self):
        every = np.arange(1 << 16, dtype=np.uint16)
        same = narrow(widen(every))
        number = ~np.isnan(widen(every))
        np.testing.assert_array_equal(same[number], every[number])
        self.assertTrue(np.isnan(widen(same[~number])).all())
        # Just above half way between 1 and its successor: by way of a rounded float32 it would land on 1.
        above = np.array([1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-8, 1e300, -1e300])
        self.assertEqual(widen(narrow(above)).tolist(), [1 + 2.0**-7, 1.0, np.inf, -np.inf])
        write(self.path, {"w": above[:2], "s": np.float64(2)}, {"w": "BF16", "s": "BF16"})
        read = Arrays(self.path)
        self.assertEqual((read.dtype("w"), read["w"].dtype), ("BF16", np.float32))
        self.assertEqual((read["w"].tolist(), float(read["s"])), ([1 + 2.0**-7, 1.0], 2.0))


if __name__ == "__main__":
    unittest.main()
