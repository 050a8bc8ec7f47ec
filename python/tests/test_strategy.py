"""Strategies as programs: what they are told, what they write, and how they fail."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

from thunderline import checkpoints
from thunderline.strategy import Result, Round, Update, read, write

BEGIN = "from thunderline.strategy import Result, run\nimport numpy as np\n"


class Strategies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        model = {"w": np.zeros(2, dtype=np.float32), "seen": np.zeros((), dtype=np.int64)}
        checkpoints.write(self.file("model"), model)
        checkpoints.write(self.file("u0"), {"seen": np.int64(3), "w": np.array([1, 2], dtype=np.float32)})
        checkpoints.write(self.file("u1"), {"w": np.array([5, 6], dtype=np.float32), "seen": np.int64(4)})
        self.assignment = {
            "version": 1,
            "round": 7,
            "params": {"by": [1, 2]},
            "seed": 11,
            "input_model": self.file("model"),
            "input_state": None,
            "updates": [
                {"model": self.file("u0"), "node": "1", "num_examples": 1.0, "weight": 1.0, "metrics": {"loss": 2.0}},
                {"model": self.file("u1"), "weight": 3.0, "metrics": {}},
            ],
            "output_model": self.file("out"),
            "output_state": self.file("kept"),
        }

    def file(self, name):
        return os.path.join(self.folder, f"{name}.safetensors")

    def run_program(self, body):
        program = os.path.join(self.folder, "strategy.py")
        with open(program, "w") as file:
            file.write(BEGIN + body + "\nrun(aggregate)\n")
        given = json.dumps(self.assignment)
        return subprocess.run([sys.executable, program], input=given, capture_output=True, text=True, check=False)

    def test_the_function_sees_the_round_and_its_result_is_written_in_the_models_types(self):
        ended = self.run_program(
            "def aggregate(round):\n"
            "    print('round', round.number, round.params['by'], round.seed, [u.node for u in round.updates])\n"
            "    p = round.shares()\n"
            "    model = {n: sum(s * u.arrays[n] for s, u in zip(p, round.updates)) for n in round.model}\n"
            "    assert not round.state\n"
            "    return Result(model, state={'count': np.int32(5)}, metrics={'first': p[0]})"
        )
        self.assertEqual((ended.returncode, json.loads(ended.stdout)), (0, {"metrics": {"first": 0.25}}), ended.stderr)
        self.assertEqual(ended.stderr, "round 7 [1, 2] 11 ['1', None]\n")
        out = checkpoints.Arrays(self.file("out"))
        self.assertEqual((out["w"].tolist(), int(out["seen"])), ([4.0, 5.0], 4))
        self.assertEqual((out["w"].dtype, out["seen"].dtype), (np.float32, np.int64))
        self.assertEqual(int(checkpoints.Arrays(self.file("kept"))["count"]), 5)

    def test_what_was_kept_is_there_again_and_what_is_not_kept_is_not_written(self):
        checkpoints.write(self.file("before"), {"count": np.int32(5)})
        self.assignment["input_state"] = self.file("before")
        ended = self.run_program(
            "def aggregate(round):\n"
            "    assert int(round.state['count']) == 5\n"
            "    return Result({name: round.updates[1].arrays[name] for name in round.model})"
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertFalse(os.path.exists(self.file("kept")))

    def test_a_result_that_does_not_fit_is_explained_and_not_written(self):
        for model, why in [
            ({"w": np.zeros(2)}, "lacks seen"),
            ({"w": np.zeros(2), "seen": 1, "b": 2}, "has no b"),
            ({"w": np.zeros((2, 1)), "seen": 1}, "'w' has the shape (2, 1); the model's has (2,)"),
        ]:
            with self.assertRaises(ValueError) as refused:
                write(self.assignment, Result(model))
            self.assertIn(why, str(refused.exception))
            self.assertFalse(os.path.exists(self.file("out")))

    def test_a_metric_that_is_no_finite_number_is_named_without_a_traceback(self):
        for value, says in [("float('nan')", "the metric 'm' is nan"), ("None", "the metric 'm' is None")]:
            ended = self.run_program("def aggregate(round):\n    return Result(dict(round.model), metrics={'m': " + value + "})")
            self.assertEqual(ended.returncode, 1)
            self.assertIn(says, ended.stderr)
            self.assertNotIn("Traceback", ended.stderr)
            self.assertFalse(os.path.exists(self.file("out")))

    def test_an_exception_ends_the_program_without_an_answer(self):
        ended = self.run_program("def aggregate(round):\n    return 1 / 0")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("ZeroDivisionError", ended.stderr)

    def test_another_version_of_the_contract_is_refused(self):
        with self.assertRaises(SystemExit) as refused:
            read({**self.assignment, "version": 2})
        self.assertEqual(str(refused.exception), "this program knows version 1 of the contract, not 2")

    def test_a_program_whose_server_was_killed_ends_by_itself(self):
        program = os.path.join(self.folder, "waits.py")
        with open(program, "w") as file:
            file.write(BEGIN + "import time\ndef aggregate(round):\n    print('here')\n    time.sleep(3600)\nrun(aggregate)\n")
        parent = "import subprocess, sys; subprocess.run(sys.argv[1:])"
        child = subprocess.Popen(
            [sys.executable, "-c", parent, sys.executable, program],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        child.stdin.write(json.dumps(self.assignment))
        child.stdin.close()
        self.assertEqual(child.stderr.readline(), "here\n")
        child.kill()
        child.wait()
        self.assertEqual(child.stderr.read(), "", "the pipe ends when nobody holds it any more")
        child.stderr.close()

    def test_a_round_can_be_made_by_hand(self):
        updates = [Update({"w": np.array([1.0])}, weight=1.0), Update({"w": np.array([3.0])}, weight=1.0)]
        round = Round(number=1, model={"w": np.array([0.0])}, updates=updates, seed=5)
        self.assertEqual(round.shares().tolist(), [0.5, 0.5])
        self.assertEqual(round.generator().random(), round.generator().random())
        self.assertEqual(Result({}).state, {})


if __name__ == "__main__":
    unittest.main()
