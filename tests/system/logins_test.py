"""Many who log in by POP3, and some who guess, with the real programs: the owner gets in."""

import unittest

from lab import PASSWORD, Lab, QuickLab
from waiting import wait_until
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


class GuessTest(unittest.TestCase):
    """Passwords are guessed from one address."""
    GUESSER, NEIGHBOUR = "127.7.7.7", "127.7.7.8"

    def log_in(self, lab, source, password, user="main"):
        """What is said to the password."""
        with Pop3(lab.pop3_port, source=source) as session:
            session.command(f"USER {user}")
            session.send(f"PASS {password}\r\n".encode())
            return session.line()

    def test_guesser_waits_and_the_owner_does_not(self):
        lab = self.enterContext(QuickLab({"server": {"insecure_auth": "yes", "workers": "2"}}))
        self.assertTrue(self.log_in(lab, self.GUESSER, PASSWORD, "alice").startswith(b"+OK"))
        for user in ["main", "nobody"] * 5 + ["main"]:
            self.assertTrue(self.log_in(lab, self.GUESSER, "wrong", user).startswith(b"-ERR [AUTH] "))
        # Whoever it is, and be it with the right password.
        for user, password in (("main", "wrong"), ("main", PASSWORD), ("nobody", "wrong")):
            self.assertTrue(self.log_in(lab, self.GUESSER, password, user)
                            .startswith(b"-ERR [LOGIN-DELAY] "))
        # The owner elsewhere, and one who logged in there before.
        self.assertTrue(self.log_in(lab, self.NEIGHBOUR, PASSWORD).startswith(b"+OK"))
        self.assertTrue(self.log_in(lab, OWNER, PASSWORD).startswith(b"+OK"))
        self.assertTrue(self.log_in(lab, self.GUESSER, PASSWORD, "alice").startswith(b"+OK"))
        wait_until(lambda: len(lab.events("login.granted")) == 4, "the lines in the log")
        self.assertEqual(len(lab.events("login.refused")), 11)
        self.assertEqual(len(lab.events("login.locked_out")), 1)


if __name__ == "__main__":
    unittest.main()
