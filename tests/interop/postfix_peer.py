"""Postfix as a peer."""

from lab import free_ports
from peer import HOSTNAME, NEXT_HOP, OTHER_NAME, TRUST, Peer

MAIN = """
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
maillog_file = /var/log/mail
myhostname = {hostname}
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtputf8_enable = yes
message_size_limit = 50000000
mailbox_size_limit = 0
disable_dns_lookups = yes
smtp_host_lookup = native
transport_maps = inline:{{ {{ example.com = smtp:[{next_hop}]:{port} }},
  {{ example.org = clear:[{next_hop}]:{clear_port} }},
  {{ example.net = smtp:[{other_name}]:{port} }} }}
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = hostname
smtp_tls_CAfile = {trust}
smtp_tls_session_cache_database =
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
in_flow_delay = 0
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{hold_port} inet n - n - - smtpd
  -o smtpd_client_restrictions=static:hold
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
clear unix - - n - 1 smtp
  -o smtp_tls_security_level=none
  -o smtp_connection_cache_on_demand=yes
  -o smtp_connection_cache_destinations=[{next_hop}]:{clear_port}
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
          "private", "saved", "trace")


class Postfix(Peer):
    unverified = r"status=deferred \(Server certificate not verified"
    package = "postfix"
    log_path = "/var/log/mail"
    users = {"postfix": 3101, "postdrop": 3102}

    def __init__(self, *of):
        super().__init__(*of)
        # What comes in here is put on hold.
        self._hold_port = free_ports(1)[0]

    def configure(self):
        values = {"hostname": HOSTNAME, "next_hop": NEXT_HOP, "other_name": OTHER_NAME,
                  "trust": TRUST, "clear_port": self.clear_port}
        self.write("/etc/postfix/main.cf", MAIN.format(port=self.lab.smtp_port, **values))
        self.write("/etc/postfix/master.cf", MASTER.format(
            port=self.port, hold_port=self._hold_port, **values))
        postfix, postdrop = self.users.values()
        spool = self.root / "var/spool/postfix"
        for folder in QUEUES:
            self.make_directory(spool / folder, postfix, 0, 0o700)
        self.make_directory(spool, 0, 0, 0o755)
        self.make_directory(spool / "pid", 0, 0, 0o755)
        self.make_directory(spool / "maildrop", postfix, postdrop, 0o1730)
        self.make_directory(spool / "public", postfix, postdrop, 0o710)
        self.make_directory(self.root / "var/lib/postfix", postfix, 0, 0o700)

    def start(self):
        return self.chroot("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d")

    def waiting(self):
        return len(self.run("/usr/sbin/postqueue", "-j").splitlines())

    def flush(self):
        self.run("/usr/sbin/postqueue", "-f")

    def pause(self):
        self._open_port, self.port = self.port, self._hold_port

    def resume(self):
        self.port = self._open_port
        self.run("/usr/sbin/postsuper", "-H", "ALL")
        self.flush()

    def drop_all(self):
        self.run("/usr/sbin/postsuper", "-d", "ALL")
