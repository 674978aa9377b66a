"""Many who log in by POP3 at the same time, with the real programs: the owner gets in."""

import unittest

from lab import PASSWORD, Lab
from wire import Pop3

OWNER = "127.9.9.9"


class FloodTest(unittest.TestCase):
    """Each login costs a hash of the usual price, so those that wait wait long enough."""

    def session(self, lab, source):
        return self.enterContext(Pop3(lab.pop3_port, source=source))

    def test_owner_is_served_before_a_flood(self):
        """More logins than may wait, from nine networks, none of which has too many itself."""
        lab = self.enterContext(Lab({"server": {"insecure_auth": "yes", "workers": "1"}}))
        flood = [self.session(lab, f"127.0.{77 + number % 9}.1") for number in range(9 * 16)]
        for session in flood:
            session.send(b"USER main\r\nPASS wrong\r\n")
        for session in flood:
            self.assertTrue(session.line().startswith(b"+OK"))
        with Pop3(lab.pop3_port, source=OWNER) as session:
            session.log_in("main", PASSWORD)
            session.command("QUIT")
        # Whoever found no place was told so, and the others are still answered.
        answers = [session.line() for session in flood]
        self.assertTrue(any(answer.startswith(b"-ERR [SYS/TEMP]") for answer in answers))
        self.assertTrue(any(answer.startswith(b"-ERR [AUTH]") for answer in answers))


if __name__ == "__main__":
    unittest.main()
