"""Makes the fuzz targets' seeds that are not text: seeds.py [DIRECTORY]

They are kept in tests/fuzz/corpus beside those that people can write. To be run after a format has
changed; it makes the same bytes each time.
"""

import pathlib
import re
import struct
import sys

tree = pathlib.Path(__file__).resolve().parents[2]
corpus = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else tree / 'tests/fuzz/corpus'


def seed(target, name, content):
    path = corpus / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# ---- Certificates: DER as far as they are looked at; the signature is none.

def der(tag, *parts):
    body = b''.join(parts)
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    octets = length.to_bytes((length.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def sequence(*parts):
    return der(0x30, *parts)


def oid(*numbers):
    octets = bytearray([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        group = [number & 0x7f]
        while number := number >> 7:
            group.append(0x80 | number & 0x7f)
        octets += bytes(reversed(group))
    return der(0x06, bytes(octets))


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, 'big'))


def bits(octets):
    return der(0x03, b'\0', octets)


def name(common):
    return sequence(der(0x31, sequence(oid(2, 5, 4, 3), der(0x0c, common))))


def certificate(public_key, names=(b'mx.example.com',), until=b'20360101000000Z'):
    algorithm = sequence(oid(1, 2, 840, 10045, 4, 3, 2))  # ecdsa-with-SHA256
    alternatives = sequence(*(der(0x82, one) for one in names))
    extension = sequence(oid(2, 5, 29, 17), der(0x04, alternatives))
    extensions = der(0xa3, sequence(extension)) if names else b''
    validity = sequence(der(0x18, b'20260101000000Z'), der(0x18, until))
    return sequence(
        sequence(der(0xa0, integer(2)), integer(1), algorithm, name(b'x'), validity,
                 name(b'x'), public_key, extensions),
        algorithm, bits(b'\0' * 8))


def ec_key(curve, point):
    return sequence(sequence(oid(1, 2, 840, 10045, 2, 1), curve), bits(point))


def rsa_key(size):
    modulus = (1 << size - 1) | 0x10001
    return sequence(sequence(oid(1, 2, 840, 113549, 1, 1, 1), der(0x05)),
                    bits(sequence(integer(modulus), integer(65537))))


# The generator of P-256, which is a point of it (FIPS 186-4, D.1.2.3).
p256 = oid(1, 2, 840, 10045, 3, 1, 7)
generator = bytes.fromhex(
    '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'
    '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5')
on_p256 = ec_key(p256, generator)

seed('certificate', 'ecdsa', certificate(on_p256))
seed('certificate', 'rsa', certificate(rsa_key(2048), (b'a.example', b'*.b.example')))
seed('certificate', 'rsa_short', certificate(rsa_key(1024)))
seed('certificate', 'no_names', certificate(on_p256, ()))
seed('certificate', 'odd_names', certificate(on_p256, (b'a\0b', b'c\nd', b'', b'e' * 254, b'\xff')))
seed('certificate', 'expired', certificate(on_p256, until=b'20260102000000Z'))
seed('certificate', 'no_date', certificate(on_p256, until=b'yesterday'))
seed('certificate', 'compressed', certificate(ec_key(p256, b'\3' + generator[1:33])))
seed('certificate', 'no_point', certificate(ec_key(p256, b'\4' + b'\1' * 64)))
seed('certificate', 'other_curve', certificate(ec_key(oid(1, 3, 132, 0, 10), generator)))
seed('certificate', 'ed25519', certificate(sequence(sequence(oid(1, 3, 101, 112)), bits(b'x' * 32))))
seed('certificate', 'behind_it', certificate(on_p256) + b'more')
seed('certificate', 'pem', b'-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')

# ---- What keyd may be asked to sign

sha256_info = bytes.fromhex('3031300d060960864801650304020105000420')
seed('signature_shape', 'digest', b'\0' + b'd' * 32)
seed('signature_shape', 'digest_info', b'\0' + sha256_info + b'd' * 32)
seed('signature_shape', 'digest_info_without_null',
     b'\0' + bytes.fromhex('302f300b0609608648016503040201') + b'\4\x20' + b'd' * 32)
for which in range(3):
    seed('signature_shape', f'pss_{which}', bytes([which, 0, 4, 9, 0]) + b'message!' + b'salt' * 16)
    seed('signature_shape', f'pss_odd_{which}', bytes([which, 1, 4, 9, 1]) + b'message!salt')
seed('signature_shape', 'trailer', b'\0' + b'\0' * 255 + b'\xbc')

# ---- Records of the journal (docs/spool.md), each behind its type


def tagged(number, octets):
    return struct.pack('<HHI', number, 0, len(octets)) + octets


def relay_recipient(address, notify=b'', original=b''):
    return tagged(2, struct.pack('<HHHH', len(address), len(notify), len(original), 0) +
                  address + notify + original)


def accept(content=b'a: b\n\nc\n', copies=((1, b'Return-Path: <>\n', 1),), large=0, tags=b''):
    body = bytes(range(16)) + bytes(range(16, 32))
    body += struct.pack('<qQQQI', 1795300059, len(content), len(content) + 3, 5, 0x12345678)
    stored = b'' if large else content
    body += struct.pack('<BBHI', large, 0, len(copies), len(stored))
    for mailbox, head, number in copies:
        body += struct.pack('<IIQ', mailbox, len(head), number) + head
    return body + stored + tags


envelope = tagged(1, b'me@example.com') + relay_recipient(b'you@b.example', b'NEVER', b'rfc822;you')
ours = struct.pack('<BBH', 0, 0, 16) + b'i' * 16
another = struct.pack('<BBH', 1, 0, 6) + b'1.M2.h'
state = struct.pack('<HB5xqI', 0, 2, 0, 2) + b'ok'
records = {
    'accept': b'\1' + accept(),
    'accept_two': b'\1' + accept(copies=((1, b'', 1), (7, b'X: y\n', 9))),
    'accept_relay': b'\1' + accept(copies=(), tags=envelope),
    'accept_all_tags': b'\1' + accept(tags=envelope + tagged(3, b'envid') + tagged(4, b'HDRS') +
                                      tagged(5, struct.pack('<q', 1795300060))),
    'accept_large': b'\1' + accept(large=1),
    'accept_later_tag': b'\1' + accept(tags=tagged(99, b'?')),
    'materialised': b'\2' + b'l' * 16 + struct.pack('<Q', 12),
    'outcome': b'\3' + b'm' * 16 + struct.pack('<H6x', 1) + state,
    'outcome_dsn': b'\3' + b'm' * 16 + struct.pack('<H6x', 1) + state + tagged(6, accept()),
    'expunge': b'\4' + b't' * 16 + struct.pack('<II', 3, 2) + ours + another,
    'void': b'\5' + struct.pack('<QQ', 3, 5),
    'retire': b'\6' + struct.pack('<Qq', 5, 1795300059),
    'seen': b'\7' + struct.pack('<I4x', 2) + b's' * 32,
    'positions': b'\x08' + struct.pack('<I4x', 1) + struct.pack('<I4xQ', 3, 17),
}
for key, body in records.items():
    seed('journal_record', key, body)


def framed(*parts):  # as journal_segment_fuzz.cc seals them: type, sequence, batch, length
    return b''.join(bytes([body[0], number, batch, len(body) - 1]) + body[1:]
                    for body, number, batch in parts)


def header(**other):
    fields = dict(generation=7, first=1, retired=1, time=1795300059, vacated=0) | other
    return b'LLJOURN1' + struct.pack('<Q16sQQqI', fields['generation'], b'l' * 16, fields['first'],
                                     fields['retired'], fields['time'], fields['vacated'])


seed('journal_segment', 'two', framed((records['retire'], 1, 1), (records['seen'], 2, 1)))
seed('journal_segment', 'void', framed((records['void'], 6, 6), (records['retire'], 7, 7)))
seed('journal_segment', 'gap', framed((records['retire'], 1, 1), (records['retire'], 3, 3)))
seed('journal_segment', 'torn', framed((records['retire'], 1, 1), (records['retire'], 3, 1)))
seed('journal_segment', 'between', framed((b'\x86' + records['retire'][1:], 1, 1),
                                          (records['retire'], 2, 2)))
seed('journal_segment', 'again', framed((records['retire'], 1, 1), (records['retire'], 1, 1)))
seed('journal_segment', 'expunge', framed((records['expunge'], 1, 1)))
seed('journal_segment', 'header', header())
seed('journal_segment', 'header_vacated', header(vacated=1))
seed('journal_segment', 'header_implausible', header(first=1 << 62))
seed('journal_segment', 'header_later', b'LLJOURN2' + b'x' * 56)


def slot(kind, *steps, retired=0, vacated=0, harm=b''):
    return bytes([kind, retired, vacated, len(steps)]) + b''.join(bytes(s) for s in steps) + harm


empty = slot(0)
full = slot(0, (8, 0), (4, 1), (10, 2), (3, 0))
seed('journal_reader', 'one', full + slot(7) + slot(7))
seed('journal_reader', 'three', full * 3)
seed('journal_reader', 'blank', empty * 3)
seed('journal_reader', 'missing', slot(0, (60, 0), (12, 1)) + full + full)
seed('journal_reader', 'void', full + slot(0, (9, 0x11), (8, 1)) + full)
seed('journal_reader', 'twice', full + slot(0, (61, 0), (4, 1)) + empty)
seed('journal_reader', 'same_generation', full + slot(6, (8, 0)) + slot(7))
seed('journal_reader', 'no_segment', slot(5, (1, 2)) + full + slot(7))
seed('journal_reader', 'harmed', slot(8, (8, 0), (12, 1), (12, 2), harm=b'\x30\x10\3abc') + full + full)
seed('journal_reader', 'retired', full + slot(0, (8, 9), retired=7) + full)
seed('journal_reader', 'vacated', full + slot(0, (8, 0), vacated=ord('v')) + full)

# ---- Answers of the DNS, to the question that stands before them


def labels(host):
    return b''.join(bytes([len(label)]) + label for label in host.split(b'.')) + b'\0'


def record(owner, kind, content):
    return owner + struct.pack('>HHIH', kind, 1, 60, len(content)) + content


def answer(asked, kind, *records, flags=0x8180):
    return (asked + b'\nid' + struct.pack('>HHHHH', flags, 1, len(records), 0, 0) + labels(asked) +
            struct.pack('>HH', kind, 1) + b''.join(records))


same, host, reverse = b'\xc0\x0c', b'host.example.com', b'7.2.0.192.in-addr.arpa'
address = bytes([192, 0, 2, 7])
seed('dns_answer', 'addresses', answer(host, 1, record(same, 1, address), record(labels(host), 1, b'\x0a\0\0\1')))
seed('dns_answer', 'ipv6', answer(host, 28, record(same, 28, b'\x20\1\x0d\xb8' + bytes(11) + b'\7')))
seed('dns_answer', 'names', answer(reverse, 12, record(same, 12, labels(b'Mail.Example.net')), record(same, 12, b'\1a\xc0\x10')))
seed('dns_answer', 'alias', answer(reverse, 12, record(same, 5, b'\6' + b'0-7/25' + b'\xc0\x0e'),
                                   record(b'\6' + b'0-7/25' + b'\xc0\x0e', 12, labels(host))))
seed('dns_answer', 'loop', answer(host, 1, record(same, 5, same)))
seed('dns_answer', 'forward_pointer', answer(host, 1, record(b'\xc0\x30', 1, address)))
seed('dns_answer', 'no_such_name', answer(host, 1, flags=0x8183))
seed('dns_answer', 'failure', answer(host, 1, flags=0x8182))

# ---- Messages between processes


def text(octets):
    return struct.pack('<H', len(octets)) + octets


transaction = bytes(range(16))
payloads = {
    'Stop': struct.pack('<I', 5000),
    'Begin': transaction + b'\0' + struct.pack('<Q', 1795300059) + text(b'me@example.com'),
    'Recipient': struct.pack('<I', 3) + text(b'you@example.com'),
    'Content': text(b'a: b\n\nc\n'),
    'Commit': transaction + struct.pack('<QQQII', 8, 11, 5, 0x12345678, 0) + text(b'Received: x\n'),
    'Committed': transaction + b'\5',
    'Login': struct.pack('<Q', 1) + text(b'main') + text(b'secret') + text(b'192.0.2.1'),
    'LoginAnswer': struct.pack('<QB', 1, 1) + transaction,
    'LoginGivenUp': struct.pack('<Q', 1),
    'MessageSizes': struct.pack('<QIH', 1, 0, 2) + struct.pack('<QQ', 5, 6),
    'MessageUidls': struct.pack('<QI', 1, 0) + text(b'\3abc\0\4defg'),
    'Expunge': struct.pack('<Q', 1) + transaction + b'\1' + struct.pack('<HII', 2, 0, 7),
    'LogLine': b'\2' + struct.pack('<I', 1) + text(b'an.event key=value'),
    'Sign': struct.pack('<Q', 1) + b'k' * 32 + b'\2' + text(b'd' * 32),
    'NamesFound': struct.pack('<QBH', 1, 0, 2) + text(b'mail.example.com') + text(b'a.example'),
    'AddressesFound': struct.pack('<QBH', 1, 0, 2) + text(b'192.0.2.1') + text(b'2001:db8::1'),
    'LogChannel': b'\1',
}
for key, payload in payloads.items():
    seed('ipc_message', key, key.encode() + b'\n' + payload)
seed('ipc_message', 'texts', b'?\n\3abc\0\4defg')
seed('ipc_message', 'control_character', b'Recipient\n' + struct.pack('<I', 3) + text(b'a\nb'))

listed = (tree / 'common/ipc/messages.h').read_text()
types = re.findall(r'\w+', re.search(r'using Messages =\s*TypeList<([^>]*)>', listed).group(1))


def frame(key, wrong=0):
    return bytes([types.index(key), wrong, len(payloads[key])]) + payloads[key]


plain = frame('Begin') + frame('Recipient') + frame('Content') + frame('Commit')
seed('ipc_channel', 'frames', b'\n\1' + plain)
seed('ipc_channel', 'octets', b'A\n\1' + plain)
seed('ipc_channel', 'pieces', b'PQG\n\1' + plain)
seed('ipc_channel', 'refused', b'G\n\1' + frame('Begin') + frame('Stop') + frame('Begin'))
seed('ipc_channel', 'flags', b'D\n\1' + frame('Begin') + frame('Content', 1))
seed('ipc_channel', 'sequence', b'T\n\1' + frame('Begin') + frame('Content', 2))
seed('ipc_channel', 'too_long', b'\n\1' + frame('Begin') + frame('Content', 3))
seed('ipc_channel', 'missing_descriptor', b'C\n\1' + frame('LogChannel'))
seed('ipc_channel', 'wrong_descriptor', b'\n\3' + frame('LogChannel'))
seed('ipc_channel', 'surplus_descriptor', b'AB\n\3' + frame('Begin'))
seed('ipc_channel', 'as_it_is', b'E\n\0' + struct.pack('<HHIQ', types.index('Stop'), 0, 4, 0) + b'1234')
