"""OpenSMTPD as a peer."""

import os

from peer import HOSTNAME, NEXT_HOP, OTHER_NAME, Peer

CONFIGURATION = """
smtp max-message-size "50M"
listen on 127.0.0.1 port {port} hostname {hostname}
action "verified" relay host smtp+tls://{next_hop}:{lab_port} helo {hostname}
action "unencrypted" relay host smtp+notls://{next_hop}:{clear_port} helo {hostname}
action "misnamed" relay host smtp+tls://{other_name}:{lab_port} helo {hostname}
match from any for domain "example.com" action "verified"
match from any for domain "example.org" action "unencrypted"
match from any for domain "example.net" action "misnamed"
"""


class OpenSmtpd(Peer):
    unverified = r"SSL certificate check failed"
    package = "opensmtpd"
    log_path = "/output"
    users = {"opensmtpd": 3201, "opensmtpq": 3202}

    def configure(self):
        self.write("/etc/smtpd.conf", CONFIGURATION.format(
            hostname=HOSTNAME, next_hop=NEXT_HOP, other_name=OTHER_NAME,
            port=self.port, lab_port=self.lab.smtp_port, clear_port=self.clear_port))
        self.write("/etc/mailname", HOSTNAME + "\n")
        _, queue = self.users.values()
        # The package's own script would do so.
        control = self.root / "usr/sbin/smtpctl"
        os.chown(control, 0, queue)
        control.chmod(0o2555)
        spool = self.root / "var/spool/smtpd"
        self.make_directory(spool, 0, 0, 0o711)
        for folder in ("purge", "queue", "incoming", "corrupt", "temporary"):
            self.make_directory(spool / folder, queue, 0, 0o700)
        self.make_directory(spool / "offline", 0, queue, 0o770)
        self.make_directory(self.root / "var/lib/opensmtpd/empty", 0, 0, 0o755)
        # The package is built to trust what is here.
        self.write("/etc/ssl/certs/ca-certificates.crt", self.lab.certificate.certificate.read_text())

    def start(self):
        return self.chroot("/usr/sbin/smtpd", "-d")

    def waiting(self):
        return len(self.run("/usr/sbin/smtpctl", "show", "queue").splitlines())

    def flush(self):
        self.run("/usr/sbin/smtpctl", "schedule", "all")

    def pause(self):
        self.run("/usr/sbin/smtpctl", "pause", "mta")

    def resume(self):
        self.run("/usr/sbin/smtpctl", "resume", "mta")

    def drop_all(self):
        self.run("/usr/sbin/smtpctl", "remove", "all")
