# SPDX-License-Identifier: Apache-2.0
"""What raw_write encrypts, computed independently with openssl; XTS, which openssl's command lacks, from AES blocks."""
import base64
import hashlib
import random
import re
import struct
import zipfile

BLOCK = 512
OFFSET = 128  # of the encrypted slot, in blocks
CBC = bytes(range(32))
XTS = bytes(random.Random(1).randbytes(64))
# IEEE 1619-2007, vector 10: data key, tweak key, and the start of the ciphertext of unit 0xff.
XTS_10 = bytes.fromhex("2718281828459045235360287471352662497757247093699959574966967627"
                       "3141592653589793238462643383279502884197169399375105820974944592")
XTS_10_RESULT = bytes.fromhex("1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"
                              "5d31e276f8fe4a8d66b317f9ac683f44680a86ac35adfc3345befecb4bb188fd")


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def conf(arguments):
    return (f'file-resource a.img {{ host-path = "a.img" }}\n'
            f'task complete {{ on-init {{ raw_memset(8, 1, 0x11) }} on-resource a.img {{ raw_write({arguments}) }} }}\n')


def make(t, data, text):
    (t.dir / "a.img").write_bytes(data)
    (t.dir / "x.conf").write_text(text)
    r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])
    assert r.returncode == 0, r.stdout + r.stderr


def apply(t, *options, **kw):
    return t.run([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", "disk.img", *options], **kw)


def written(t, data, *options, offset=OFFSET, **kw):
    """Returns the bytes of the slot; its neighbours must not have changed."""
    blocks = -(-len(data) // BLOCK)
    (t.dir / "disk.img").write_bytes(b"\xee" * (offset + blocks + 64) * BLOCK)
    r = apply(t, *options, **kw)
    assert r.returncode == 0, r.stdout + r.stderr
    image = (t.dir / "disk.img").read_bytes()
    begin, end = offset * BLOCK, (offset + blocks) * BLOCK
    assert set(image[begin - BLOCK:begin] + image[end:end + BLOCK]) == {0xee}, "neighbours were touched"
    return image[begin:end]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def openssl(t, cipher, key, data, iv=None):
    args = [t.need("openssl"), "enc", f"-{cipher}", "-nopad", "-K", key.hex()]
    r = t.run([*args, *(["-iv", iv.hex()] if iv else [])], input=data, text=False)
    assert r.returncode == 0 and len(r.stdout) == len(data), r.stderr
    return r.stdout


def cbc(t, key, data, first=0):
    """Each sector separately; the IV is the low 32 bits of its number."""
    out = []
    for i in range(0, len(data), BLOCK):
        iv = struct.pack("<IIII", (first + i // BLOCK) & 0xffffffff, 0, 0, 0)
        out.append(openssl(t, "aes-256-cbc", key, data[i:i + BLOCK], iv))
    return b"".join(out)


def exclusive_or(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def xts(t, key, data, first=0):
    """IEEE 1619: the tweak of block j of a sector is E(number) * x^j in GF(2^128); C = E(P ^ T) ^ T."""
    sectors = range(first, first + len(data) // BLOCK)
    starts = openssl(t, "aes-256-ecb", key[32:], b"".join(struct.pack("<QQ", n, 0) for n in sectors))
    tweaks = []
    for i in range(0, len(starts), 16):
        tweak = int.from_bytes(starts[i:i + 16], "little")
        for _ in range(BLOCK // 16):
            tweaks.append(tweak.to_bytes(16, "little"))
            tweak = (tweak << 1) ^ (0x87 if tweak >> 127 else 0)
            tweak &= (1 << 128) - 1
    tweaks = b"".join(tweaks)
    return exclusive_or(openssl(t, "aes-256-ecb", key[:32], exclusive_or(data, tweaks)), tweaks)


def test_cbc_is_what_openssl_makes(t):
    data = noise(40 * BLOCK)
    make(t, data, conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={CBC.hex()}"'))
    assert written(t, data) == cbc(t, CBC, data)


def test_the_test_knows_xts(t):
    """Checks this test's own computation with a vector of the standard."""
    assert xts(t, XTS_10, bytes(range(256)) * 2, 0xff)[:64] == XTS_10_RESULT


def test_xts_is_what_the_standard_says(t):
    data = noise(600 * BLOCK)
    make(t, data, conf(f'{OFFSET}, "cipher=aes-xts-plain64,secret={XTS.hex()}"'))
    assert written(t, data) == xts(t, XTS, data)


def test_xts_makes_the_standards_vector(t):
    """Sector 255 of the slot, wherever the slot starts."""
    data = bytes(255 * BLOCK) + bytes(range(256)) * 2
    make(t, data, conf(f'1001, "cipher=aes-xts-plain64,secret={XTS_10.hex()}"'))
    assert written(t, data, offset=1001)[255 * BLOCK:][:64] == XTS_10_RESULT


def test_sectors_count_over_pieces_of_any_size(t):
    """Stored, deflated and framed; the data arrives in pieces that do not match sectors."""
    data = noise(300 * BLOCK + 5) + b"text " * 40_000 + noise(70_001)
    make(t, data, conf(f'{OFFSET}, "cipher=aes-xts-plain64,secret={XTS.hex()}"'))
    expected = xts(t, XTS, padded(data))
    assert written(t, data) == expected
    fw = (t.dir / "x.fw").read_bytes()
    framed = b"".join(struct.pack(">I", len(fw[i:i + 777])) + fw[i:i + 777] for i in range(0, len(fw), 777))
    (t.dir / "disk.img").unlink()
    r = t.run([t.bin("fwpack"), "-a", "-q", "-F", "-t", "complete", "-d", "disk.img"], input=framed + bytes(4), text=False)
    assert r.returncode == 0, r.stdout
    assert (t.dir / "disk.img").read_bytes()[OFFSET * BLOCK:][:len(expected)] == expected


def test_last_block_is_filled_up_before_it_is_encrypted(t):
    for size in (1, 511, 512, 513, 1000, 4097):
        data = noise(size, size)
        make(t, data, conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={CBC.hex()}"'))
        assert written(t, data) == cbc(t, CBC, padded(data)), size
        make(t, data, conf(f'{OFFSET}, "cipher=aes-xts-plain64,secret={XTS.hex()}"'))
        assert written(t, data) == xts(t, XTS, padded(data)), size


def test_nothing_is_encrypted_to_nothing(t):
    make(t, b"", conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={CBC.hex()}"'))
    assert written(t, b"") == b""


def test_options_may_be_one_argument_or_two_in_any_order(t):
    data = noise(3 * BLOCK)
    key = CBC.hex()
    expected = cbc(t, CBC, data)
    for arguments in (f'"cipher=aes-cbc-plain,secret={key}"', f'"secret={key},cipher=aes-cbc-plain"',
                      f'"cipher=aes-cbc-plain", "secret={key}"', f'"secret={key}", "cipher=aes-cbc-plain"',
                      f'"cipher=aes-cbc-plain", "secret={key.upper()}"',
                      f'"cipher=aes-cbc-plain", "secret={base64.b64encode(CBC).decode()}"'):
        make(t, data, conf(f"{OFFSET}, {arguments}"))
        assert written(t, data) == expected, arguments


def test_base64_with_all_its_letters(t):
    key = base64.b64decode("//++AZaz09" + "/+" * 16 + "A=")[:32]
    text = base64.b64encode(key).decode()
    assert {"/", "+", "="} <= set(text)
    data = noise(2 * BLOCK)
    make(t, data, conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={text}"'))
    assert written(t, data) == cbc(t, key, data)


def test_options_may_come_when_it_is_applied(t):
    """A secret does not belong in an archive."""
    data = noise(5 * BLOCK)
    texts = ['"cipher=aes-cbc-plain,secret=\\${KEY}"', '"\\${OPTIONS}"', '"\\${CIPHER}", "\\${SECRET}"',
             '"cipher=\\${NAME:-aes-cbc-plain}", "secret=\\${KEY}"']
    env = {"KEY": CBC.hex(), "OPTIONS": f"secret={CBC.hex()},cipher=aes-cbc-plain", "CIPHER": "cipher=aes-cbc-plain",
           "SECRET": f"secret={CBC.hex()}"}
    for text in texts:
        make(t, data, conf(f"{OFFSET}, {text}"))
        assert CBC.hex() not in (t.dir / "x.fw").read_bytes().decode("latin-1")
        assert written(t, data, env=env) == cbc(t, CBC, data), text
        # Without them it is an error, and nothing is written unencrypted.
        (t.dir / "disk.img").write_bytes(bytes(512 * BLOCK))
        r = apply(t)
        assert r.returncode == 1, text
        assert not any((t.dir / "disk.img").read_bytes()), f"{text}: something was written"


def sparse(t, lengths, data, options):
    """The length list is in meta.conf, so the archive is rewritten."""
    digest = hashlib.blake2b(data, digest_size=32).hexdigest()
    meta = (f"file-resource a.img {{\nlength={{{','.join(map(str, lengths))}}}\nblake2b-256={digest}\n}}\n"
            f'task complete {{\non-resource a.img {{\nfunlist={{3,raw_write,{OFFSET},"{options}"}}\n}}\n}}\n')
    with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
        z.writestr("meta.conf", meta)
        z.writestr("data/a.img", data)


def test_sectors_count_over_holes(t):
    """A sector's number is its position. Holes stay as they are; where zeros are written for them, they are encrypted."""
    data = noise(4 * BLOCK)
    sparse(t, (2 * BLOCK, 300 * BLOCK, BLOCK, 0, BLOCK, 3 * BLOCK), data, f"cipher=aes-xts-plain64,secret={XTS.hex()}")
    (t.dir / "disk.img").write_bytes(b"\xee" * 600 * BLOCK)
    r = apply(t)
    assert r.returncode == 0, r.stdout
    image = (t.dir / "disk.img").read_bytes()[OFFSET * BLOCK:]
    assert image[:2 * BLOCK] == xts(t, XTS, data[:2 * BLOCK])
    assert set(image[2 * BLOCK:302 * BLOCK]) == {0xee}
    assert image[302 * BLOCK:304 * BLOCK] == xts(t, XTS, data[2 * BLOCK:], 302)
    assert set(image[304 * BLOCK:306 * BLOCK]) == {0xee}
    assert image[306 * BLOCK:307 * BLOCK] == xts(t, XTS, bytes(BLOCK), 306)


def test_sector_numbers_of_more_than_32_bits(t):
    """A hole of 2 TiB: plain wraps around, plain64 does not."""
    with open(t.dir / "probe", "wb") as f:
        try:
            f.truncate((1 << 41) + (1 << 20))
        except OSError:
            t.skip("no files of 2 TiB here")
    data = noise(BLOCK)
    for options, expected in ((f"cipher=aes-cbc-plain,secret={CBC.hex()}", cbc(t, CBC, data, 1 << 32)),
                              (f"cipher=aes-xts-plain64,secret={XTS.hex()}", xts(t, XTS, data, 1 << 32))):
        (t.dir / "disk.img").unlink(missing_ok=True)
        sparse(t, (0, 1 << 41, BLOCK), data, options)
        r = apply(t)
        assert r.returncode == 0, r.stdout
        with open(t.dir / "disk.img", "rb") as f:
            f.seek(OFFSET * BLOCK + (1 << 41))
            assert f.read(BLOCK) == expected
    assert cbc(t, CBC, data, 1 << 32) == cbc(t, CBC, data, 0)
    assert xts(t, XTS, data, 1 << 32) != xts(t, XTS, data, 0)


def test_other_tools_decrypt_it(t):
    """Decryption with openssl alone."""
    data = noise(2 * BLOCK)
    make(t, data, conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={CBC.hex()}"'))
    stored = written(t, data)
    (t.dir / "sector").write_bytes(stored[BLOCK:])
    r = t.run([t.need("openssl"), "enc", "-d", "-aes-256-cbc", "-nopad", "-K", CBC.hex(), "-iv", "01" + "00" * 15, "-in",
               "sector"], text=False)
    assert r.returncode == 0 and r.stdout == data[BLOCK:]


HEX = "5ec4e7" * 10 + "5ec4"  # a secret that is easy to find
assert len(HEX) == 64
LEAKS = (HEX[:8], HEX[-8:], "U2VjcmV0")

WRONG = [
    f"cipher=rot13,secret={HEX}",
    f"cipher=aes-cbc-plain64,secret={HEX}",
    f"cipher=aes-cbc-plain:sha256,secret={HEX}",
    f"cipher=aes-xts-plain,secret={HEX}{HEX}",
    f"cipher=AES-CBC-PLAIN,secret={HEX}",
    f"cipher=,secret={HEX}",
    f"secret={HEX}",
    "cipher=aes-cbc-plain",
    "cipher=aes-cbc-plain,secret=",
    f"cipher=aes-cbc-plain,secret={HEX[1:]}",
    f"cipher=aes-cbc-plain,secret={HEX}00",
    f"cipher=aes-cbc-plain,secret=g{HEX[1:]}",
    f"cipher=aes-cbc-plain,secret={HEX}{HEX}",
    f"cipher=aes-xts-plain64,secret={HEX}",
    f"cipher=aes-xts-plain64,secret={HEX}{HEX[:-1]}",
    f"cipher=aes-xts-plain64,secret={HEX}{HEX[:-1]}x",
    "cipher=aes-cbc-plain,secret=" + base64.b64encode(b"Secret" * 5 + b"x").decode(),
    "cipher=aes-cbc-plain,secret=" + base64.b64encode(b"Secret" * 5 + b"xyz").decode(),
    "cipher=aes-xts-plain64,secret=" + base64.b64encode(b"Secret" * 10 + b"1234").decode(),
    f"cipher=aes-cbc-plain,secret={HEX},mode=7",
    f"cipher=aes-cbc-plain,secret={HEX},",
    f",cipher=aes-cbc-plain,secret={HEX}",
    "",
    ",",
    "x",
]
# Mistakes that put the secret where something else is expected
MISPLACED = [
    f"cipher=aes-cbc-plain,{HEX}",
    f"cipher=aes-cbc-plain,key={HEX}",
    f"cipher=aes-cbc-plain,Secret={HEX}",
    f"cipher=aes-cbc-plain, secret={HEX}",
    f"cipher=aes-cbc-plain;secret={HEX}",
    f"cipher={HEX},secret=aes-cbc-plain",
    HEX,
]


def refused(t, options, *arguments):
    text = ", ".join(f'"{a}"' for a in (arguments or (options,)))
    make(t, noise(100), conf(f"{OFFSET}, {text}"))
    image = t.image(1 << 20, "disk.img")
    shown = []
    for mode in ((), ("-v",), ("-F",)):
        r = apply(t, *mode, text=False)
        assert r.returncode == 1, (options, r.stdout)
        shown.append((r.stdout + r.stderr).decode("latin-1"))
        assert not any(image.read_bytes()), f"'{options}': something was written"
    assert re.search("cipher|secret|encryption|raw_write", shown[0]), f"'{options}' is refused without a reason: {shown[0]}"
    return "".join(shown)


def test_wrong_options_are_refused_before_the_first_write(t):
    for options in WRONG + MISPLACED:
        refused(t, options)


def test_a_wrong_option_in_an_argument_of_its_own_is_refused(t):
    good = f"cipher=aes-cbc-plain,secret={HEX}"
    for extra in ("mode=7", "", "x", "cipher=rot13", "secret=12"):
        refused(t, extra, good, extra)


def test_the_secret_is_never_told(t):
    for options in WRONG:
        text = refused(t, options)
        assert not any(leak in text for leak in LEAKS), f"'{options}' -> {text}"


def test_a_misplaced_secret_is_never_told(t):
    told = []
    for options in MISPLACED:
        text = refused(t, options)
        told += [text.splitlines()[0]] if any(leak in text for leak in LEAKS) else []
    assert not told, "\n".join(told)


def test_secret_of_a_delta_source_is_never_told(t):
    for options in WRONG[:-3] + MISPLACED:
        make(t, noise(100), 'file-resource a.img { host-path = "a.img" }\n'
             f'task complete {{ on-resource a.img {{ delta-source-raw-offset = 1 delta-source-raw-count = 10 '
             f'delta-source-raw-options = "{options}" raw_write({OFFSET}) }} }}')
        image = t.image(1 << 20, "disk.img")
        r = apply(t, "-v")
        assert r.returncode == 1, options
        assert not any(image.read_bytes())
        assert not any(leak in r.stdout + r.stderr for leak in LEAKS), f"'{options}' -> {r.stdout}"


def test_a_failing_write_does_not_tell_the_secret(t):
    """Other errors of the same operation."""
    make(t, noise(5000), conf(f'{OFFSET}, "cipher=aes-cbc-plain,secret={HEX}"'))
    r = apply(t, "-v", "--max-size", 10)
    assert r.returncode == 1 and "nothing was written" in r.stdout
    assert HEX[:8] not in r.stdout + r.stderr


def test_secret_in_the_place_of_the_offset_is_not_told(t):
    """raw_write without its offset, as it shows up when the archive is applied."""
    make(t, noise(100), 'file-resource a.img { host-path = "a.img" }\n'
         'task complete { on-resource a.img { raw_write("\\${OPTIONS}") } }')
    r = t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "-q"],
              env={"OPTIONS": f"cipher=aes-cbc-plain,secret={HEX}"})
    assert r.returncode == 1 and "raw_write requires" in r.stdout
    assert not any(leak in r.stdout + r.stderr for leak in LEAKS)
