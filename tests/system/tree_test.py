"""What must hold for the tree and for the programs as files."""

import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from lab import PROGRAMS, TREE

RELEASE = TREE / "out/release/bin"
PROCESSES = ("letterlockd", "smtpd", "pop3d", "queued", "authd", "keyd", "resolvd", "logd")
NETWORK = ("smtpd", "pop3d")

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)

# Whom the files of each folder of common/ may include, besides their own.
BELOW = {
    "base": set(),
    "os": {"base"},
    "mail": {"base", "os"},
    "conf": {"base", "os"},
    "io": {"base", "os", "mail"},
    "ipc": {"base", "os", "mail", "conf", "io"},
}

# What libpop3 shows to programs.
PUBLIC_HEADERS = ("libpop3/handler.h", "libpop3/limits.h", "libpop3/session.h")


def files(*suffixes):
    """The tree's own files with these endings, by their path from its root."""
    for directory, folders, names in os.walk(TREE):
        folders[:] = [each for each in folders
                      if each not in ("out", "__pycache__") and not each.startswith(".")]
        for name in sorted(names):
            if name.endswith(suffixes):
                yield (Path(directory) / name).relative_to(TREE)


def text_of(path):
    return (TREE / path).read_text()


def output(*command):
    return subprocess.run([str(each) for each in command], capture_output=True, text=True,
                          check=True).stdout


class SourceTest(unittest.TestCase):
    def test_includes_point_downward(self):
        for path in files(".cc", ".h"):
            if path.parts[0] in ("tests", "examples"):
                continue
            own = path.parts[1] if path.parts[0] == "common" else path.parts[0]
            for included in filter(None, (quoted for quoted, _ in INCLUDE.findall(text_of(path)))):
                with self.subTest(file=str(path), includes=included):
                    folder, rest = included.split("/", 1)
                    if folder == "libpop3" and own == "pop3d":
                        self.assertIn(included, PUBLIC_HEADERS)
                    elif folder != "common":
                        self.assertEqual(folder, own)
                    elif own == "libpop3":
                        self.assertEqual(rest.split("/")[0], "base")
                    elif path.parts[0] == "common":
                        self.assertIn(rest.split("/")[0], BELOW[own] | {own})

    def test_public_headers_need_nothing_else(self):
        """What is installed of libpop3 includes itself and the standard library alone."""
        for header in PUBLIC_HEADERS:
            for quoted, _ in INCLUDE.findall(text_of(header)):
                if quoted:
                    with self.subTest(file=header, includes=quoted):
                        self.assertIn(quoted, PUBLIC_HEADERS)
        installed = re.search(r"for header in ([\w ]+); do", text_of("build/install"))[1]
        self.assertEqual({f"libpop3/{name}.h" for name in installed.split()}, set(PUBLIC_HEADERS))

    def test_examples_use_the_library_alone(self):
        for path in files(".cc"):
            if path.parts[0] == "examples":
                for quoted, _ in INCLUDE.findall(text_of(path)):
                    if quoted:
                        with self.subTest(file=str(path), includes=quoted):
                            self.assertIn(quoted, PUBLIC_HEADERS)

    def test_libraries_are_named_in_one_place(self):
        places = {
            r"event2/.*|event\.h": ("common/io/",),
            r"tls\.h": ("common/io/",),
            r"openssl/.*": ("common/io/", "keyd/"),
            r"ini\.h": ("common/conf/",),
            r"unbound.*\.h": ("resolvd/",),
            r"crypt\.h": ("authd/", "letterlock/", "common/conf/"),
        }
        for path in files(".cc", ".h"):
            if path.parts[0] == "tests":
                continue
            for _, included in INCLUDE.findall(text_of(path)):
                for header, allowed in places.items():
                    if re.fullmatch(header, included):
                        with self.subTest(file=str(path), includes=included):
                            self.assertTrue(str(path).startswith(allowed))

    def test_systems_are_told_apart_in_one_place(self):
        systems = re.compile(r"^\s*#\s*(?:el)?if.*\b(?:__linux__|__OpenBSD__|__unix__|__FreeBSD__)",
                             re.MULTILINE)
        for path in files(".cc", ".h"):
            if path.parts[:2] != ("common", "os") and path.parts[0] != "tests":
                with self.subTest(file=str(path)):
                    self.assertIsNone(systems.search(text_of(path)))

    def test_every_file_says_what_it_is_for(self):
        comments = {(".cc", ".h"): r"// \S", (".py",): r'"""\S', (".sh",): r"#!.*\n# \S",
                    (".conf",): r"# \S", (".3", ".5", ".8"): r'\.\\" \S', (".md",): r"# \S"}
        for suffixes, comment in comments.items():
            for path in files(*suffixes):
                with self.subTest(file=str(path)):
                    self.assertRegex(text_of(path), rf"\A(?:{comment})")

    def test_no_file_is_too_long(self):
        for path in files(".cc", ".h", ".py", ".sh"):
            with self.subTest(file=str(path)):
                self.assertLessEqual(text_of(path).count("\n"), 600)

    def test_nothing_starts_a_shell_or_a_command(self):
        # Functions of the system are called by their global name; fexecve(2) starts our own
        # programs, from descriptors.
        calls = re.compile(r"(?<![\w>])(?:std)?::(?:system|popen|exec[vl]p?e?|posix_spawnp?|wordexp)\s*\(")
        for path in files(".cc", ".h"):
            if path.parts[0] != "tests" and path != Path("common/os/executable.cc"):
                with self.subTest(file=str(path)):
                    self.assertIsNone(calls.search(text_of(path)))


class ManualTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_pages_are_clean(self):
        done = subprocess.run(["sh", "build/lint-man"], cwd=TREE, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_security_names_every_process(self):
        document = text_of("docs/security.md")
        users = re.findall(r'"(_ll\w+)"', text_of("common/os/users.h") + text_of("common/os/users.cc"))
        self.assertEqual(len(users), len(PROCESSES) - 1)
        for name in PROCESSES:
            self.assertRegex(document, rf"(?m)^\| `{name}` \|")
        for user in users:
            self.assertIn(f"`{user}`", document)
            self.assertIn(user, text_of("build/create-users"))

    def test_security_shows_the_routes(self):
        """The table of links in the document is the one that the programs are built from."""
        documented = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \| ((?:`\w+` ?)+)\|$",
                                text_of("docs/security.md"))
        printed = [line.split() for line in output(PROGRAMS / "letterlockd", "--routes").splitlines()]
        self.assertEqual([[start, end, *re.findall(r"\w+", messages)]
                          for start, end, messages in documented],
                         [route for route in printed if "letterlockd" not in route[:2]])


class ProgramTest(unittest.TestCase):
    def libraries(self, name):
        """What the program needs, directly and through its libraries."""
        return set(re.findall(r"^\s*lib([\w+-]+)\.so", output("ldd", PROGRAMS / name), re.MULTILINE))

    def test_programs_link_what_they_use(self):
        for name in (*PROCESSES, "letterlock"):
            with self.subTest(program=name):
                libraries = self.libraries(name)
                if name in NETWORK:
                    self.assertLessEqual({"tls", "ssl", "crypto"}, libraries)
                elif name == "keyd":
                    self.assertIn("crypto", libraries)
                    self.assertFalse(libraries & {"tls", "ssl"})
                else:
                    self.assertFalse(libraries & {"tls", "ssl", "crypto"})
                self.assertEqual("crypt" in libraries, name in ("authd", "letterlock"))
                self.assertEqual("unbound" in libraries, name == "resolvd")
                self.assertEqual("inih" in libraries, name in ("letterlockd", "letterlock"))

    @unittest.skipUnless((RELEASE / "smtpd").exists(), "there is no release build")
    def test_release_programs_are_hardened(self):
        for name in (*PROCESSES, "letterlock"):
            with self.subTest(program=name):
                program = RELEASE / name
                self.assertRegex(output("readelf", "-hW", program), r"Type:\s+DYN")
                dynamic = output("readelf", "-dW", program)
                self.assertIn("PIE", dynamic)
                self.assertIn("BIND_NOW", dynamic)
                self.assertNotIn("RPATH", dynamic)
                self.assertNotIn("RUNPATH", dynamic)
                segments = output("readelf", "-lW", program)
                self.assertIn("GNU_RELRO", segments)
                self.assertRegex(segments, r"GNU_STACK(?:\s+0x[0-9a-f]+){5}\s+RW\s")
                self.assertNotRegex(segments, r"LOAD.*\sRWE\s")
                symbols = output("readelf", "--dyn-syms", "-W", program)
                self.assertIn("__stack_chk_fail", symbols)
                if os.uname().machine == "x86_64":
                    # The linker keeps the mark only where the C library's own files have it.
                    self.assertIn("x86 feature: IBT, SHSTK",
                                  output("readelf", "-nW", RELEASE.parent / name / "main.o"))


if __name__ == "__main__":
    unittest.main()
