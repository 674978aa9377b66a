"""The Debian packages of peers: fetched with everything that they depend on, kept in out/interop,
unpacked where a test wants them, installed nowhere.

As a program: fetches what is not there yet, and notes why where that fails."""

import subprocess
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / "out/interop"
PEERS = ("postfix", "exim4-daemon-light", "opensmtpd")


def fetch(package):
    """Fetches the package unless it is there."""
    directory = CACHE / package
    if (directory / "complete").exists():
        return
    (directory / "partial").mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="letterlock-") as nothing:
        # With nothing installed, as apt sees it, all dependencies are wanted.
        command = ["apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only",
                   "-o", f"Dir::State::status={nothing.name}", "-o", "Debug::NoLocking=1",
                   "-o", f"Dir::Cache::archives={directory}",
                   "-o", "APT::Sandbox::User=root", "install", package]
        failure = _failure(command)
        if failure:
            # The lists may be missing, as in a fresh container, or old.
            failure = _failure(["apt-get", "-qq", "update"]) or _failure(command)
    if failure:
        (directory / "failure").write_text(failure)
    else:
        (directory / "complete").touch()


def _failure(command):
    """Nothing, or the last line of what a command that failed has said."""
    try:
        done = subprocess.run(command, text=True, timeout=600, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stdout.strip().splitlines() or [f"status {done.returncode}"])[-1]


def why_missing(package):
    """Nothing if the package can be unpacked, or the reason."""
    if (CACHE / package / "complete").exists():
        return None
    try:
        return f"{package} could not be fetched: {(CACHE / package / 'failure').read_text()}"
    except FileNotFoundError:
        return f"{package} was not fetched: tests/interop/packages.py does it"


def unpack(package, root):
    """The package and its dependencies, as files below `root`."""
    for folder in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for path in sorted((CACHE / package).glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", path, root], check=True)


if __name__ == "__main__":
    for each in PEERS:
        fetch(each)
        print(why_missing(each) or f"{each} is there")
