"""The tour of `make demo`, to its end."""

import os
import subprocess
import unittest

from lab import PROGRAMS, TREE


class DemoTest(unittest.TestCase):
    def test_it_ends_well(self):
        done = subprocess.run(["sh", TREE / "build/demo", PROGRAMS], env=os.environ | {"ONCE": "1"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout)
