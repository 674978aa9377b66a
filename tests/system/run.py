"""Runs tests of the real programs: run.py [FOLDER/] [TEST…], where a test is named as a file, class
or method would be (mail_test, mail_test.TraceTest); without names all of the folder, which is this
one if none is given. The last line counts."""

import os
import signal
import sys
import unittest
from pathlib import Path

# Of one test, in seconds; what waits inside has shorter deadlines.
TEST_LIMIT = int(os.environ.get("LETTERLOCK_TEST_LIMIT", 240))


class Result(unittest.TestResult):
    """A line for each test, and everything about those that fail."""

    def __init__(self):
        super().__init__()
        self.passed, self.failed = 0, 0
        self._good = True

    def startTest(self, test):
        super().startTest(test)
        self._good = True
        signal.alarm(TEST_LIMIT)

    def stopTest(self, test):
        super().stopTest(test)
        signal.alarm(0)

    def addSuccess(self, test):
        if self._good:
            self.passed += 1
            print(f"ok {name_of(test)}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped {name_of(test)}: {reason}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test, self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test, self.errors[-1][1])

    def addSubTest(self, test, subtest, error):
        if error is not None:
            print(f"  in {subtest._subDescription()}:")
            self._fail(test, self._exc_info_to_string(error, test))

    def _fail(self, test, text):
        print(text, end="")
        if self._good:  # several subtests are still one test
            self.failed += 1
            print(f"FAILED {name_of(test)}", flush=True)
        self._good = False


def name_of(test):
    return test.id() if hasattr(test, "id") else str(test)


def out_of_time(*_):
    raise AssertionError(f"the test took longer than {TEST_LIMIT} s")


def main(names):
    signal.signal(signal.SIGALRM, out_of_time)
    sys.stdout.reconfigure(errors="replace")
    folder = Path(__file__).parent
    if names and names[0].endswith("/"):
        folder = Path(names.pop(0)).resolve()
        sys.path.insert(0, str(folder))
    if not names:
        names = sorted(path.stem for path in folder.glob("*_test.py"))
    result = Result()
    for name in names:
        unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    counts = f"{result.passed} passed, {result.failed} failed"
    if result.skipped:
        counts += f", {len(result.skipped)} skipped"
    print(f"{folder.name}: {counts}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
