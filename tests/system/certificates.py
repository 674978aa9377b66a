"""Certificates for tests, made by the openssl command: each signs itself, so that its own file is
what a client has to trust."""

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    @property
    def fingerprint(self):
        """SHA-256 of the DER, as `peer_fingerprint` of a connection gives it."""
        return fingerprint(ssl.PEM_cert_to_DER_cert(self.certificate.read_text()))


def fingerprint(der):
    return hashlib.sha256(der).hexdigest()


P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA2048 = ("-newkey", "rsa:2048")


def make(directory, name, hosts, algorithm=P256):
    """A certificate for `hosts` in `directory`/`name`.pem and its key beside it."""
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    alternatives = ",".join(("IP:" if host[0].isdigit() else "DNS:") + host for host in hosts)
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", "30", *algorithm,
         "-keyout", made.key, "-out", made.certificate, "-subj", f"/CN={hosts[0]}",
         "-addext", f"subjectAltName={alternatives}"],
        check=True, capture_output=True)
    made.key.chmod(0o600)
    return made
