"""How the tests with other mail servers count attempts."""

import unittest

import attempts

CONTENT = b"From: a@b.example\r\nSubject: x\r\n\r\nbody\r\n"
DATA_END = CONTENT + b".\r\n"
MAIL = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
CHUNK = MAIL + b"BDAT %d LAST\r\n" % len(CONTENT) + CONTENT
BOTH_OK = b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n"
ACCEPTED = attempts.ACCEPTED + b"1\r\n"
FULL = b"452 4.3.1 Storage full, try again later\r\n"


class AttemptsTest(unittest.TestCase):
    def assert_counts(self, said, heard, taken, unanswered):
        counted = attempts.count([[(said, heard)]])
        self.assertEqual([each["x"] for each in counted], [taken, unanswered])

    def test_taken(self):
        self.assert_counts(DATA_END, ACCEPTED, 1, 0)
        self.assert_counts(DATA_END + b"QUIT\r\n", ACCEPTED + b"221 2.0.0 Bye\r\n", 1, 0)
        self.assert_counts(CHUNK, BOTH_OK + ACCEPTED, 1, 0)

    def test_refused(self):
        self.assert_counts(DATA_END, FULL, 0, 0)
        self.assert_counts(CHUNK, BOTH_OK + FULL, 0, 0)
        self.assert_counts(CHUNK, b"250 2.1.0 OK\r\n452 4.2.2 Full\r\n554 5.5.1 None\r\n", 0, 0)

    def test_unanswered(self):
        self.assert_counts(DATA_END, b"", 0, 1)
        self.assert_counts(DATA_END + b"QUIT\r\n", b"", 0, 1)
        self.assert_counts(CHUNK, BOTH_OK, 0, 1)
        self.assert_counts(CHUNK + b"QUIT\r\n", b"", 0, 1)

    def test_cut_in_the_content(self):
        self.assert_counts(DATA_END[:-1], b"", 0, 0)
        self.assert_counts(CHUNK[:-1], BOTH_OK, 0, 0)

    def test_more_than_one(self):
        taken, unanswered = attempts.count([[(DATA_END, ACCEPTED), (DATA_END, b"")],
                                            [(CHUNK, b"")]])
        self.assertEqual((taken["x"], unanswered["x"]), (1, 2))


if __name__ == "__main__":
    unittest.main()
