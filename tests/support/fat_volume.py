# SPDX-License-Identifier: Apache-2.0
"""FAT volumes in the tests: operations by fwpack, dosfstools and mtools, a reader of the raw bytes, and a model of what
the calls should do."""
import mmap
import random
import re
import struct
from collections import namedtuple

BLOCK = 512
SEGMENT = 131072
LABEL_NOTICE = re.compile(r"There is no label in boot sector, but there is volume label .*\n"
                          r"  Auto-copying volume label .*\n|\nLeaving filesystem unchanged.\n")


def quote(value):
    """An argument in fwup's language; text goes in code page 850."""
    if isinstance(value, int):
        return str(value).encode()
    data = value if isinstance(value, bytes) else value.encode("cp850")
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def quote_call(name, *args):
    return name.encode() + b"(" + b", ".join(quote(a) for a in args) + b")\n"


def pack(t, tasks, name="x.fw"):
    """tasks: {name: (requirements, calls of on-init, [(data, call)] with resources, calls of on-finish)}"""
    conf, resources = [], {}
    for task, (require, init, writes, finish) in tasks.items():
        handlers = b""
        for n, (data, call) in enumerate(writes):
            # A task may use a resource once only.
            resource = resources.setdefault((data, n), f"r{len(resources)}")
            handlers += f"on-resource {resource} {{\n".encode() + quote_call(*call) + b"}\n"
        conf.append(f"task {task} {{\n".encode() + b"".join(quote_call(*c) for c in require)
                    + b"on-init {\n" + b"".join(quote_call(*c) for c in init) + b"}\n" + handlers
                    + b"on-finish {\n" + b"".join(quote_call(*c) for c in finish) + b"}\n}\n")
    head = []
    for (data, _), resource in resources.items():
        (t.dir / resource).write_bytes(data)
        head.append(f'file-resource {resource} {{ host-path = "{resource}" }}\n'.encode())
    (t.dir / "x.conf").write_bytes(b"".join(head + conf))
    r = t.run([t.bin("fwpack"), "-c", "-1", "-f", "x.conf", "-o", name], text=False)
    assert r.returncode == 0, (r.stdout + r.stderr)[-2000:]
    return t.dir / name


def apply(t, image, fw, *options, task="t", shell=""):
    """shell: commands to run first, for limits."""
    argv = [t.bin("fwpack"), "-a", "-q", "-d", image, "-i", fw, "-t", task, *options]
    if shell:
        argv = ["sh", "-c", shell + '; exec "$@"', "sh", *argv]
    r = t.run(argv, text=False)
    return r.returncode, r.stdout.decode("cp850")


Entry = namedtuple("Entry", "brief long case attributes cluster size place")


class Raw:
    """Reads a volume byte by byte, and changes it."""

    def __init__(self, data):
        self.data = data
        (self.cluster_sectors, self.reserved, self.fats, self.root_entries, total, _, size, _, _, _,
         total32, size32) = struct.unpack_from("<BHBHHBHHHIII", self.data, 13)
        self.total, self.fat_sectors = total or total32, size or size32
        self.root_at = (self.reserved + self.fats * self.fat_sectors) * BLOCK
        self.data_at = self.root_at + self.root_entries * 32
        self.clusters = (self.total - self.data_at // BLOCK) // self.cluster_sectors
        self.bits = 12 if self.clusters <= 4085 else 16 if self.clusters <= 65525 else 32
        self.root = struct.unpack_from("<I", self.data, 44)[0] if self.bits == 32 else 0
        self.cluster_size = self.cluster_sectors * BLOCK

    def get(self, cluster):
        at = self.reserved * BLOCK + cluster * self.bits // 8
        value = int.from_bytes(self.data[at:at + 4], "little")
        if self.bits == 12 and cluster & 1:
            value >>= 4
        return value & (1 << min(self.bits, 28)) - 1

    def put(self, cluster, value):
        for i in range(self.fats):
            at = (self.reserved + i * self.fat_sectors) * BLOCK + cluster * self.bits // 8
            shift = 4 if self.bits == 12 and cluster & 1 else 0
            old = int.from_bytes(self.data[at:at + 4], "little")
            mask = (1 << min(self.bits, 28)) - 1 << shift
            self.data[at:at + 4] = (old & ~mask | value << shift & mask).to_bytes(4, "little")

    def at(self, cluster):
        return self.data_at + (cluster - 2) * self.cluster_size

    def chain(self, cluster):
        found = []
        while 2 <= cluster < self.clusters + 2:
            assert cluster not in found[-1:] and len(found) <= self.clusters
            found.append(cluster)
            cluster = self.get(cluster)
        return found

    def places(self, directory=0):
        """Where the entries of a directory are; 0 is the root."""
        directory = directory or self.root
        if not directory:
            return list(range(self.root_at, self.data_at, 32))
        return [at for c in self.chain(directory) for at in range(self.at(c), self.at(c) + self.cluster_size, 32)]

    def entries(self, directory=0):
        """All entries that are not deleted; a long name only if all its parts are valid."""
        parts, found = [], []
        for at in self.places(directory):
            raw = bytes(self.data[at:at + 32])
            if raw[0] == 0:
                break
            if raw[0] == 0xe5:
                parts = []
            elif raw[11] & 0x3f == 0x0f:
                parts.append(raw)
            else:
                high, low, size = struct.unpack("<H4xHI", raw[20:])
                found.append(Entry(raw[:11], self.long(parts, raw[:11]), raw[12], raw[11],
                                   low | (high << 16 if self.bits == 32 else 0), size, at))
                parts = []
        return found

    @staticmethod
    def long(parts, brief):
        checksum = 0
        for c in brief:
            checksum = ((checksum >> 1 | checksum << 7) + c) & 0xff
        count = len(parts)
        numbers = [count - i | (0x40 if i == 0 else 0) for i in range(count)]
        if [p[0] for p in parts] != numbers or any(p[13] != checksum or p[26:28] != b"\0\0" for p in parts):
            assert not parts, "parts of a long name that belong to nothing"
            return None
        text = b"".join(p[1:11] + p[14:26] + p[28:32] for p in reversed(parts)).decode("utf-16-le")
        name, _, filler = text.partition("\0")
        assert filler == "\uffff" * len(filler)
        return name or None

    def files(self, directory=0):
        """Real entries: neither the label nor the dot entries."""
        return [e for e in self.entries(directory) if not e.attributes & 8 and e.brief[0] != 0x2e]

    def names(self, directory=0):
        return [name_of(e) for e in self.files(directory)]

    def find(self, path):
        directory, entry = 0, None
        for part in path.split("/"):
            entry = next(e for e in self.files(directory) if name_of(e).lower() == part.lower())
            directory = entry.cluster
        return entry

    def content(self, entry):
        return b"".join(bytes(self.data[self.at(c):self.at(c) + self.cluster_size])
                        for c in self.chain(entry.cluster))[:entry.size]

    def label(self):
        return [e.brief for e in self.entries() if e.attributes & 8]


def name_of(entry):
    if entry.long:
        return entry.long
    body, extension = ((b"\xe5" if entry.brief[0] == 5 else entry.brief[:1]) + entry.brief[1:8]).decode("cp850"), \
        entry.brief[8:].decode("cp850")
    body = body.lower() if entry.case & 8 else body
    extension = extension.lower() if entry.case & 16 else extension
    return body.rstrip() + ("." + extension.rstrip() if extension.strip() else "")


class Volume:
    """A volume in an image, at a block. Calls are tuples without the offset: ("fat_rm", "path")."""

    def __init__(self, t, blocks=0, offset=0, name="disk.img"):
        self.t, self.offset, self.image = t, offset, t.dir / name
        if blocks:
            self.do(("fat_mkfs", blocks))

    def run(self, *calls, files=(), finish=(), require=(), shell=""):
        """files: (data, path) for fat_write."""
        def here(call):
            return (call[0], self.offset, *call[1:])
        fw = pack(self.t, {"t": ([here(c) for c in require], [here(c) for c in calls],
                                 [(data, ("fat_write", self.offset, path)) for data, path in files],
                                 [here(c) for c in finish])})
        return apply(self.t, self.image, fw, shell=shell)

    def do(self, *calls, **kw):
        status, text = self.run(*calls, **kw)
        assert (status, text) == (0, ""), (calls[:5], text[-500:])
        return self

    def fails(self, *calls, **kw):
        """What a failing task prints; nothing may have been written."""
        before = self.image.read_bytes()
        status, text = self.run(*calls, **kw)
        assert status == 1, (calls, status, text)
        assert text.startswith("fwup: ") and len(text) > len("fwup: x\n"), text
        assert self.image.read_bytes() == before, (calls, "something was written")
        return text

    def raw(self, change=False):
        """change: the changes made there go into the image."""
        with open(self.image, "r+b") as f:
            f.seek(self.offset * BLOCK)
            boot = f.read(BLOCK)
            total = struct.unpack_from("<H", boot, 19)[0] or struct.unpack_from("<I", boot, 32)[0]
            skip = self.offset * BLOCK % mmap.ALLOCATIONGRANULARITY
            area = mmap.mmap(f.fileno(), skip + total * BLOCK, offset=self.offset * BLOCK - skip,
                             access=mmap.ACCESS_WRITE if change else mmap.ACCESS_COPY)
        return Raw(memoryview(area)[skip:])

    def bytes(self):
        return bytes(self.raw().data)

    def mtools(self, program, *args, complaint=b""):
        r = self.t.run([self.t.need(program), "-i", f"{self.image}@@{self.offset * BLOCK}", *args], text=False,
                       env={"LC_ALL": "C.UTF-8", "MTOOLSRC": "/dev/null"})
        assert r.returncode == 0 or r.stderr == complaint, (args, r.stderr)
        return r.stdout

    def read(self, path):
        return self.mtools("mtype", "::" + path)

    def check(self):
        """fsck.fat finds nothing to repair, and mtools sees the free space that fsck.fat counts."""
        path = self.image
        if self.offset:
            path = self.t.dir / "volume"
            path.write_bytes(self.bytes())
        r = self.t.run([self.t.need("fsck.fat"), "-n", path])
        # The label is only in the root directory, as in the reference; fsck.fat complains about that.
        text = LABEL_NOTICE.sub("", r.stdout)
        found = re.fullmatch(r"fsck\.fat .*\n.*: \d+ files, (\d+)/(\d+) clusters\n", text)
        assert found and not r.stderr, r.stdout + r.stderr
        used, clusters = map(int, found.groups())
        raw = self.raw()
        assert clusters == raw.clusters
        assert clusters - used == sum(raw.get(c) == 0 for c in range(2, clusters + 2))
        free = re.search(rb"([\d ]+) bytes free", self.mtools("mdir", "-a", "::")).group(1)
        assert int(free.replace(b" ", b"")) == (clusters - used) * raw.cluster_size
        return self

    def tree(self):
        """{path: data, or None for a directory}, as mtools copies them."""
        out = self.t.dir / "tree"
        self.t.run(["rm", "-rf", out])
        out.mkdir()
        if self.raw().files():
            self.mtools("mcopy", "-s", "-n", "::*", out)
        return {str(p.relative_to(out)): p.read_bytes() if p.is_file() else None for p in out.rglob("*")}

    def attributes(self):
        """{path: letters of ARHS}"""
        # mattrib prints this for an empty directory.
        lines = self.mtools("mattrib", "-/", "::*", complaint=b'mattrib: File "::*" not found\n').decode().splitlines()
        found = (re.fullmatch(r"(.{13})::/(.*?)/?", line) for line in lines)
        return {m.group(2): "".join(sorted(m.group(1).replace(" ", "").replace("D", ""))) for m in found}


def foreign(t, blocks, *options, name="disk.img", garbage=False):
    """A volume made by mkfs.fat, which clears only tables and root, so that the rest contains garbage."""
    image = t.image(size=-(-blocks * BLOCK // SEGMENT) * SEGMENT, name=name)
    if garbage:
        image.write_bytes(b"\xee" * image.stat().st_size)
    t.need("mkfs.fat")
    r = t.run(["mkfs.fat", *options, image, blocks // 2])
    assert r.returncode == 0, r.stderr
    return Volume(t, name=name)


def pattern(size, seed=0):
    return random.Random(size * 1000 + seed).randbytes(size)


class Node:
    def __init__(self, name, data=b"", children=None):
        self.name, self.data, self.children = name, data, children
        self.attributes = set() if children is not None else {"A"}

    def empty(self):
        return not self.children


class Model:
    """What the calls should do. Each returns whether the call succeeds, and changes nothing if it does not."""

    def __init__(self):
        self.root, self.label = Node("", children={}), ""

    def walk(self, path):
        """The directory, or None, and the last part of the path."""
        *parents, name = path.split("/")
        here = self.root
        for part in parents:
            here = here.children.get(part.upper())
            if here is None or here.children is None:
                return None, name
        return here, name

    def find(self, path):
        directory, name = self.walk(path)
        return directory and directory.children.get(name.upper())

    def fat_write(self, path, data):
        directory, name = self.walk(path)
        old = self.find(path)
        if not directory or old and (old.children is not None or "R" in old.attributes):
            return False
        directory.children[name.upper()] = Node(old.name if old else name, data)
        return True

    def fat_touch(self, path):
        return bool(self.find(path)) or self.fat_write(path, b"")

    def fat_mkdir(self, path):
        directory, name = self.walk(path)
        old = self.find(path)
        if not directory or old:
            return bool(old and old.children is not None)
        directory.children[name.upper()] = Node(name, children={})
        return True

    def fat_rm(self, path, strict=False):
        node = self.find(path)
        if not node:
            return not strict
        if "R" in node.attributes or not node.empty():
            return False
        directory, name = self.walk(path)
        del directory.children[name.upper()]
        return True

    def fat_mv(self, source, target, replace=False):
        node, old = self.find(source), self.find(target)
        directory, name = self.walk(target)
        if not node or not directory or target.upper().startswith(source.upper() + "/"):
            return False
        if old and old is not node and not (replace and self.fat_rm(target)):
            return False
        parent, old_name = self.walk(source)
        del parent.children[old_name.upper()]
        node.name = name
        if node.children is None:
            node.attributes.add("A")
        directory.children[name.upper()] = node
        return True

    def fat_cp(self, source, target):
        node = self.find(source)
        if not node or node.children is not None:
            return False
        return self.find(target) is node or self.fat_write(target, node.data)

    def fat_attrib(self, path, letters):
        node = self.find(path)
        if node:
            node.attributes = node.attributes & {"A"} | set(letters.upper())
        return bool(node)

    def fat_setlabel(self, label):
        self.label = label
        return True

    def do(self, name, *args):
        if name.endswith("!"):
            return getattr(self, name[:-1])(*args, True)
        return getattr(self, name)(*args)

    def nodes(self, directory=None, prefix=""):
        for node in (directory or self.root).children.values():
            yield prefix + node.name, node
            if node.children:
                yield from self.nodes(node, prefix + node.name + "/")
