"""Exim as a peer. It sends only when `flush` tells it to, as a queue runner that starts now and
then would; so messages for the same host go over one connection."""

import re

from peer import HOSTNAME, NEXT_HOP, OTHER_NAME, TRUST, Peer
from waiting import PATIENCE

CONFIGURATION = """
primary_hostname = {hostname}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%s
log_selector = +smtp_connection +smtp_confirmation
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = 50M
smtputf8_advertise_hosts = *
disable_ipv6 = true
keep_environment =
queue_only = true
acl_smtp_rcpt = accept
begin routers
verified:
  driver = manualroute
  domains = example.com
  route_list = * {next_hop} byname
  self = send
  transport = verified
unencrypted:
  driver = manualroute
  domains = example.org
  route_list = * {next_hop} byname
  self = send
  transport = unencrypted
misnamed:
  driver = manualroute
  domains = example.net
  route_list = * {other_name} byname
  self = send
  transport = verified
begin transports
verified:
  driver = smtp
  port = {lab_port}
  hosts_require_tls = *
  tls_verify_certificates = {trust}
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
unencrypted:
  driver = smtp
  port = {clear_port}
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
"""


class Exim(Peer):
    unverified = r"certificate verification failed"
    package = "exim4-daemon-light"
    log_path = "/var/log/exim4/main"
    users = {"Debian-exim": 3301}

    _runner = None

    def configure(self):
        self.write("/etc/exim4/exim4.conf", CONFIGURATION.format(
            hostname=HOSTNAME, next_hop=NEXT_HOP, other_name=OTHER_NAME, trust=TRUST,
            port=self.port, lab_port=self.lab.smtp_port, clear_port=self.clear_port))
        user, = self.users.values()
        for folder in ("var/spool/exim4", "var/log/exim4"):
            self.make_directory(self.root / folder, user, user, 0o750)

    def start(self):
        return self.chroot("/usr/sbin/exim4", "-bdf")

    def waiting(self):
        return int(self.run("/usr/sbin/exim4", "-bpc"))

    def flush(self):
        """A queue runner of its own each time, unless the last one is still at work."""
        if self._runner is None or self._runner.poll() is not None:
            # Twice through the queue: once to find out what goes where, once to send it.
            self._runner = self.chroot("/usr/sbin/exim4", "-qqff")

    def pause(self):
        pass

    def resume(self):
        self.flush()

    def drop_all(self):
        self._runner.wait(PATIENCE)
        for each in self.run("/usr/sbin/exim4", "-bp").split():
            if re.fullmatch(r"\w{6}-\w{6,11}-\w{2,4}", each):
                self.run("/usr/sbin/exim4", "-Mrm", each)
