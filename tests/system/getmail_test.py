"""Mail read by getmail, which has ways of its own."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from client_programs import needs, run
from lab import IS_ROOT, PASSWORD
from mail_case import MailTest
from readers_test import IntoMaildir, Remembering


@needs("getmail")
class GetmailTest(IntoMaildir, Remembering, MailTest):
    many = 30

    def seen(self, message):
        """It writes a question mark for each octet of a header that is not ASCII."""
        header, gap, body = message.partition(b"\n\n")
        return re.sub(rb"[\x80-\xff]", b"?", header) + gap + body

    def fetch(self, keep):
        inbox, memory = self.make_maildir(), self.lab.directory / "memory"
        configuration = memory / "getmailrc"
        configuration.write_text(
            "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\n"
            f"port = {self.lab.pop3s_port}\nusername = main\npassword = {PASSWORD}\n"
            f"ca_certs = {self.lab.certificate.certificate}\n"
            f"[destination]\ntype = Maildir\npath = {inbox}/\n"
            f"[options]\ndelete = {'false' if keep else 'true'}\nread_all = false\n"
            "received = false\ndelivered_to = false\n")
        configuration.chmod(0o600)
        somebody = {}
        if IS_ROOT:  # to whom it delivers nothing
            somebody = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            self.lab.directory.chmod(0o711)
            for path in (memory, *memory.iterdir(), inbox, *inbox.iterdir()):
                shutil.chown(path, "nobody", "nogroup")
        self.run_patiently("getmail", "--getmaildir", memory, "--rcfile", configuration, **somebody)
        return self.messages()

    def run_patiently(self, *command, **options):
        """It starts a process for each message, and waits for ever for one that ends too soon. Then
        it is ended and started again on what there was before: without QUIT nothing has changed."""
        for _ in range(5):
            with tempfile.TemporaryDirectory(prefix="letterlock-") as before:
                kept = [(path, Path(before) / path.name)
                        for path in (self.inbox, self.lab.directory / "memory")]
                for path, copy in kept:
                    subprocess.run(["cp", "-a", path, copy], check=True)
                try:
                    return run(*command, patience=30, **options)
                except subprocess.TimeoutExpired as expired:
                    print(f"    {expired}", flush=True)
                for path, copy in kept:
                    shutil.rmtree(path)
                    subprocess.run(["cp", "-a", copy, path], check=True)
        raise AssertionError(f"{command[0]} does not end")


if __name__ == "__main__":
    unittest.main()
