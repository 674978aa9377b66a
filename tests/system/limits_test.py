"""docs/limits.md against the code: each value, and whether a limit is missing there."""

import pathlib
import re
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]

UNITS = {
    "": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000,
    "d": 86_400_000,
}
DURATIONS = {"milliseconds": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}

# What bounds or times something, by its name, and has to be in the document.
LIMIT_NAME = re.compile(
    r"^(max|most|least|largest|longest)_|_(max|most|limit|ceiling|patience|grace|backoff|deadline)$"
    r"|_a_turn$|^before_|^(patience|lifetime|backlog|kept|autologout)$")
# Named like a limit, but another thing: sizes that follow from a declaration, and what is checked
# beside the tables of the document.
NOT_A_LIMIT = {
    ("common/ipc/field.h", "max_size"),      # of an encoding
    ("common/mail/mailbox.h", "max_size"),   # follows from its parts
    ("common/mail/punycode.cc", "max_label"),  # the domain's
    ("libpop3/line_splitter.cc", "longest_line"),  # follows from max_line
    ("smtpd/content.h", "max_piece"),        # of one call
    ("smtpd/content_spool.h", "feed_max"),   # of one call
    ("smtpd/content_memory.h", "most_capacity"),  # a cache
    ("smtpd/content_memory.h", "most_idle"),  # a cache
    ("smtpd/content_spool.cc", "copies_a_turn"),  # a step
    ("pop3d/backend.cc", "largest_expunge"),  # follows from a message's declaration
    ("queued/maildir/maildir_writer.cc", "joined_max"),  # a step
}


def evaluate(expression):
    """A constant expression of integers and units, as bytes, counts or milliseconds."""
    text = re.sub(r"(?<=\d)'(?=\d)", "", expression)
    text = re.sub(r"\bstd::chrono::", "", text)
    text = re.sub(r"\bstd::uint64_t\b|\bstd::size_t\b", "", text)
    factor = 1
    duration = re.search(r"\b(milliseconds|seconds|minutes|hours)\b", text)
    if duration:
        factor = DURATIONS[duration.group(1)]
        text = text.replace(duration.group(1), "")
    text = text.replace("{", "(").replace("}", ")")
    text = re.sub(r"\b(\d+)[uUlL]+\b", r"\1", text)
    text = re.sub(r"\bday\b", str(UNITS["d"]), text)
    text = re.sub(r"\bgib\b", str(2**30), re.sub(r"\bkib\b", str(2**10), text))
    if not re.fullmatch(r"[\d\s()*+<-]+", text):
        raise ValueError(f"not understood: {expression!r}")
    return eval(text) * factor  # digits and operators only, as checked above


def value_of(file, name):
    """The value that NAME has where FILE declares it."""
    source = (TREE / file).read_text()
    found = re.search(
        rf"(?P<type>[\w:]+)[\s,]+(?:max_\w+ = \d+, )*\b{name}\b\s*(?:= (?P<is>[^;,]+)|(?P<braces>{{[^}};]*}}))[;,]", source)
    if not found:
        raise ValueError(f"{file} declares no {name}")
    if found["is"] is not None:
        return evaluate(found["is"])
    unit = found["type"] if found["type"].split("::")[-1] in DURATIONS else ""
    return evaluate(f"{unit}{found['braces']}")


def written(text):
    """A value as the document writes it."""
    number, _, unit = text.partition(" ")
    return int(number) * UNITS[unit]


def rows(columns):
    """The rows of the tables that have so many columns, without their headings."""
    for line in (TREE / "docs/limits.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns and cells[0] not in ("limit", "key"):
            if not line.startswith("|---"):
                yield cells


def limits_of_the_code():
    """(file, name) of every constant of the programs that is named like a limit."""
    declaration = re.compile(r"constexpr [\w:]+ (\w+)\s*(?:=|\{)")
    for folder in ("common", "letterlock*", "smtpd", "libpop3", "pop3d", "queued", "authd", "keyd", "resolvd", "logd"):
        for path in sorted(TREE.glob(f"{folder}/**/*")):
            if path.suffix in (".h", ".cc"):
                for name in declaration.findall(path.read_text()):
                    if LIMIT_NAME.search(name):
                        yield str(path.relative_to(TREE)), name


class LimitsTest(unittest.TestCase):
    def test_constants_are_as_documented(self):
        for limit, value, where, _ in rows(columns=4):
            with self.subTest(limit=limit, where=where):
                self.assertEqual(value_of(*where.strip("`").split(": ")), written(value))

    def test_keys_are_as_documented(self):
        schema = (TREE / "common/conf/schema.cc").read_text()
        for key, default, least, most, where, _ in rows(columns=6):
            with self.subTest(key=key):
                section, name = re.fullmatch(r"`\[(\w+)\] (\w+)`", key).groups()
                row = re.search(rf'KeyRow{{{section}, "{name}", "\w+", "(\d+)([KMG]?)"', schema)
                factor = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[row[2]]
                self.assertEqual(int(row[1]) * factor, written(default))
                bounds = re.search(
                    rf"\b{where.strip('`')} = \w+_between<(?:std::uint32_t, )?([^,]+), ([^>]+)>", schema)
                self.assertEqual(evaluate(bounds[1]), written(least))
                self.assertEqual(evaluate(bounds[2]), written(most))

    def test_keys_that_may_be_no_are_as_documented(self):
        schema = (TREE / "common/conf/schema.cc").read_text()
        units = {"second_ms": 1000, "minute_ms": 60_000, "day_ms": 86_400_000}
        documented = list(rows(columns=5))
        self.assertEqual({row[0] for row in documented},
                         {f"`[{section}] {name}`" for section, name in re.findall(
                             r'KeyRow{(\w+), "(\w+)", "(?:TIME|RATE)\|no"', schema)
                          if section in ("access", "limits")})
        for key, default, least, most, where in documented:
            with self.subTest(key=key):
                section, name = re.fullmatch(r"`\[(\w+)\] (\w+)`", key).groups()
                row = re.search(rf'KeyRow{{{section}, "{name}", "\w+\|no", "(\w+)"', schema)
                self.assertEqual(row[1], default)
                file, parser = where.strip("`").split(": ")
                source = (TREE / file).read_text()
                duration = re.search(rf"\b{parser} = duration_or_no<(\w+), (\w+)>", source)
                if duration:
                    self.assertEqual(units[duration[1]], written(least))
                    self.assertEqual(units[duration[2]], written(most))
                else:
                    body = source[source.index(f" {parser}("):]
                    self.assertEqual(evaluate(re.search(r"\bmost = ([\d']+);", body)[1]), written(most))
                    self.assertIn("*number == 0", body)
                    self.assertEqual(1, written(least))

    def test_no_limit_is_missing(self):
        known = {tuple(row[2].strip("`").split(": ")) for row in rows(columns=4)} | NOT_A_LIMIT
        self.assertEqual(set(limits_of_the_code()) - known, set(), "add them to docs/limits.md")


if __name__ == "__main__":
    unittest.main()
