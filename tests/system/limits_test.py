#!/usr/bin/env python3
"""Compares docs/limits.md with the code: each value, and whether a limit is missing there."""
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]

UNITS = {
    "": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000,
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
    ("smtpd/content.h", "max_piece"),        # of one call
    ("smtpd/content_spool.h", "feed_max"),   # of one call
    ("smtpd/content_memory.h", "most_capacity"),  # a cache
    ("smtpd/content_memory.h", "most_idle"),  # a cache
    ("smtpd/content_spool.cc", "copies_a_turn"),  # a step
    ("pop3d/backend.cc", "largest_expunge"),  # follows from a message's declaration
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


def rows():
    """The cells of every row of every table."""
    for line in (TREE / "docs/limits.md").read_text().splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def check_constant(value, where):
    file, name = where.strip("`").split(": ")
    actual = value_of(file, name)
    if actual != written(value):
        raise ValueError(f"{where} is {actual}, the document says {value}")
    return file, name


def check_key(key, default, least, most, where):
    schema = (TREE / "common/conf/schema.cc").read_text()
    section, name = re.fullmatch(r"`\[(\w+)\] (\w+)`", key).groups()
    row = re.search(rf'KeyRow{{{section}, "{name}", "\w+", "(\w+)"', schema)
    size = re.fullmatch(r"(\d+)([KMG]?)", row.group(1))
    actual = int(size[1]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[size[2]]
    if actual != written(default):
        raise ValueError(f"{key} has the default {row.group(1)}, the document says {default}")
    constant = where.strip("`")
    bounds = re.search(rf"\b{constant} = \w+_between<(?:std::uint32_t, )?([^,]+), ([^>]+)>", schema)
    for text, bound in zip((least, most), bounds.groups()):
        if evaluate(bound) != written(text):
            raise ValueError(f"{key}: {constant} has the bound {bound}, the document says {text}")


def limits_of_the_code():
    """Every constant of the programs that is named like a limit."""
    declaration = re.compile(r"constexpr [\w:]+ (\w+)\s*(?:=|\{)")
    for folder in ("common", "letterlock*", "smtpd", "pop3d", "queued", "authd", "keyd", "logd"):
        for path in sorted(TREE.glob(f"{folder}/**/*")):
            if path.suffix not in (".h", ".cc"):
                continue
            for name in declaration.findall(path.read_text()):
                if LIMIT_NAME.search(name):
                    yield str(path.relative_to(TREE)), name


def main():
    faults, known = [], set(NOT_A_LIMIT)
    checked = 0
    for cells in rows():
        if cells[0] in ("limit", "key"):
            continue
        try:
            if len(cells) == 4:
                known.add(check_constant(cells[1], cells[2]))
            else:
                check_key(*cells[:5])
            checked += 1
        except (ValueError, AttributeError, KeyError, OSError) as error:
            faults.append(f"{cells[0]}: {error}")
    for file, name in limits_of_the_code():
        if (file, name) not in known:
            faults.append(f"{file}: {name} is not in docs/limits.md")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{checked} limits compared, {len(faults)} faults")
    return 1 if faults or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
