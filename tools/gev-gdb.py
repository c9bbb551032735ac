# SPDX-License-Identifier: MIT
"""Greenlets in gdb: in a live process and in a core file.

    (gdb) source tools/gev-gdb.py
    (gdb) gev ps              every greenlet of every thread
    (gdb) gev bt ID [THREAD]  the backtrace of one that does not run
    (gdb) gev bt              the backtraces of all

Nothing is written to the process, and none of its code is run. The frames of
a parked greenlet are in its image on the heap, yet gdb can only unwind them at
the addresses where they belong. So the script lays a file over the run stack:
an ELF file whose one read-only section has the image's bytes at the right
addresses, which "set trust-readonly-sections on" makes gdb read instead of
memory. An unwinder of ours then says that the thread's innermost frame was
called with the registers that the greenlet's switch has saved.

gev must have been compiled with -g (any meson buildtype but plain, release and
minsize); the program's own functions have names by their symbol table, and
arguments and lines if they were compiled with -g, too.
"""
import os
import struct
import tempfile

import gdb
import gdb.unwinder

BLOCK_SIZE = 4 << 20  # of src/core/slab.c
CHUNK_SIZE = 64 << 10
HEADER = 64

# A saved frame, from sp upwards: src/core/arch/x86_64.S.
FRAME = struct.Struct("<8Q")
FRAME_NAMES = [None, "r15", "r14", "r13", "r12", "rbx", "rbp", "rip"]

WAITS = {
    "GEV__WAIT_NONE": "waits",
    "GEV__WAIT_READ": "waits to read descriptor {fd}",
    "GEV__WAIT_WRITE": "waits to write descriptor {fd}",
    "GEV__WAIT_FDS": "waits for several descriptors",
    "GEV__WAIT_SLEEP": "sleeps",
    "GEV__WAIT_JOIN": "waits for the end of greenlet {id}",
    "GEV__WAIT_SIGNAL": "waits for signal {number}",
    "GEV__WAIT_RUN": "is in gev_run()",
    "GEV__WAIT_LATER": "starts later",
    "GEV__WAIT_OTHER": "waits for {what}",
}


def enum_name(value, enum):
    return str(value.cast(gdb.lookup_type("enum " + enum)))


def pointer_to(address, type_name):
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer())


def read(address, size):
    if size <= 0:
        return b""
    return bytes(gdb.selected_inferior().read_memory(address, size))


class Greenlet:
    """One of them, as it was when gdb stopped."""

    def __init__(self, core, value):
        self.core = core
        self.value = value
        self.address = int(value)
        self.id = int(value["id"])
        self.kind = enum_name(value["kind"], "gev__stack_kind")
        self.life = enum_name(value["life"], "gev__life")

    def is_current(self):
        return self.address == int(self.core["current"])

    def name(self):
        extra = self.value["extra"]
        if int(extra) and int(extra["more"]) and int(extra["more"]["name"]):
            return extra["more"]["name"].string(errors="replace")
        if self.kind == "GEV__NATIVE":
            return "main"
        return "hub" if self.address == int(self.core["hub"]) else ""

    def wait(self):
        reason = enum_name(self.value["reason"], "gev__reason")
        slot = self.value["slot"]
        facts = {"number": int(slot) & 0xffffffff, "fd": "?", "id": "?",
                 "what": "something"}
        if not int(slot):
            pass
        elif reason in ("GEV__WAIT_READ", "GEV__WAIT_WRITE"):
            facts["fd"] = int(pointer_to(int(slot), "struct gev__fd")["fd"])
        elif reason == "GEV__WAIT_JOIN":
            facts["id"] = int(pointer_to(int(slot),
                                         "struct gev_greenlet")["id"])
        elif reason == "GEV__WAIT_OTHER":
            text = pointer_to(int(slot), "char").cast(
                gdb.lookup_type("char").pointer().pointer()).dereference()
            facts["what"] = text.string(errors="replace")
        return WAITS.get(reason, "waits").format(**facts)

    def state(self):
        hub_state = enum_name(self.value["hub_state"], "gev__hub_state")
        if hub_state == "GEV__PARKED":
            return self.wait()
        if self.is_current():
            return "runs"
        if hub_state in ("GEV__QUEUED", "GEV__LATER"):
            return "is ready"
        if self.life == "GEV__NEW":
            return "is new"
        return "is switched out"

    def where(self):
        """Where its frames are."""
        if self.life == "GEV__NEW":
            return "nothing"
        if self.kind != "GEV__SHARED":
            return "own stack"
        if self.is_current() or self.address == int(self.core["occupant"]):
            return "run stack"
        return f"image, {len(self.image())} bytes"

    def line(self):
        name = f' "{self.name()}"' if self.name() else ""
        return f"greenlet {self.id}{name} {self.state()} ({self.where()})"

    def dead(self):
        return (int(self.value["dead_low"]), int(self.value["dead_high"]))

    def image(self):
        low, high = self.dead()
        live = int(self.core["top"]) - int(self.value["sp"])
        return read(int(self.value["image"]), live - (low - high))

    def stack(self):
        """Its bytes at [sp, top), those that nobody keeps as zeros; or None
        if they are where they belong."""
        if not self.where().startswith("image"):
            return None
        low, high = self.dead()
        live = int(self.core["top"]) - int(self.value["sp"])
        image = self.image()
        return image[:live - low] + bytes(low - high) + image[live - low:]

    def registers(self):
        """What it will have when it is switched to."""
        sp = int(self.value["sp"])
        stack = self.stack()
        words = FRAME.unpack(stack[:FRAME.size] if stack
                             else read(sp, FRAME.size))
        regs = {n: w for n, w in zip(FRAME_NAMES, words) if n}
        regs["rsp"] = sp + FRAME.size
        return regs


def core_of_thread():
    """The selected thread's struct gev__core, or None."""
    try:
        core = gdb.parse_and_eval("gev__core_tls")
    except gdb.error as e:
        raise gdb.GdbError(
            f"gev: cannot see this thread's greenlets: {e}.\n"
            "Is this a program with gev, compiled with -g, and is libthread_db"
            " there?")
    return core if int(core) else None


def greenlets_of(core):
    """All that are not dead, by number."""
    slab = core["slabs"]["slab"][0]
    size = int(slab["size"])
    block = int(core["slabs"]["blocks"])
    found = []
    while block:
        for start in range(block, block + BLOCK_SIZE, CHUNK_SIZE):
            chunk = pointer_to(start, "struct gev__chunk")
            if int(chunk["slab"]) != int(slab.address):
                continue
            if not int(chunk["n_used"]):
                continue
            for at in range(start + HEADER, int(chunk["fresh"]), size):
                g = Greenlet(core, pointer_to(at, "struct gev_greenlet"))
                if g.life != "GEV__DEAD":
                    found.append(g)
        block = struct.unpack("<Q", read(block + HEADER - 8, 8))[0]
    return sorted(found, key=lambda g: g.id)


class Selection:
    """Puts back which thread and frame were selected."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        if self.thread is None:
            raise gdb.GdbError("gev: there is no process, and no core file")
        self.level = gdb.selected_frame().level()
        return self

    def __exit__(self, *_):
        self.thread.switch()
        gdb.execute(f"frame {self.level}", to_string=True)


def threads():
    """Selects one thread with gev after the other; yields (number, core)."""
    for thread in sorted(gdb.selected_inferior().threads(),
                         key=lambda t: t.num):
        thread.switch()
        core = core_of_thread()
        if core is not None:
            yield thread.num, core


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class CalledBy(gdb.unwinder.Unwinder):
    """Says that the innermost frame's caller has these registers."""

    def __init__(self):
        super().__init__("gev")
        self.enabled = False

    def set(self, regs):
        frame = gdb.newest_frame()
        self.own = {n: int(frame.read_register(n)) for n in ("rsp", "rip")}
        self.regs = regs
        self.enabled = True
        gdb.invalidate_cached_frames()

    def clear(self):
        self.enabled = False
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        for name, value in self.own.items():
            if int(pending.read_register(name)) != value:
                return None
        # Below the caller's, whichever stack this frame is really on.
        info = pending.create_unwind_info(
            FrameId(gdb.Value(self.regs["rsp"] - 16),
                    gdb.Value(self.own["rip"])))
        for name, value in self.regs.items():
            info.add_saved_register(name, gdb.Value(value).cast(
                gdb.lookup_type("unsigned long")))
        return info


def elf_with(address, data):
    """An ELF file with one section, read-only, that belongs at @address."""
    names = b"\0.gev\0.shstrtab\0"
    header = 64
    at_names = header + len(data)
    at_table = (at_names + len(names) + 7) & ~7
    elf = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, at_table, 0, 64, 56, 0, 64, 3, 2)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 2, address, header,
                            len(data), 0, 0, 16, 0)
    sections += struct.pack("<IIQQQQIIQQ", 6, 3, 0, 0, at_names, len(names),
                            0, 0, 1, 0)
    return (elf + data + names).ljust(at_table, b"\0") + sections


class Overlay:
    """While it is entered, gdb reads @data at @address."""

    def __init__(self, address, data):
        self.address = address
        self.data = data

    def __enter__(self):
        if self.data is None:
            return self
        fd, self.path = tempfile.mkstemp(prefix="gev-gdb-", suffix=".elf")
        with os.fdopen(fd, "wb") as f:
            f.write(elf_with(self.address, self.data))
        self.confirm = gdb.parameter("confirm")
        self.trust = gdb.parameter("trust-readonly-sections")
        gdb.execute("set confirm off")
        gdb.execute(f"add-symbol-file {self.path}", to_string=True)
        gdb.execute("set trust-readonly-sections on")
        return self

    def __exit__(self, *_):
        if self.data is None:
            return
        restore = {True: "on", False: "off"}
        gdb.execute("set trust-readonly-sections " + restore[self.trust])
        gdb.execute(f"remove-symbol-file {self.path}", to_string=True)
        gdb.execute("set confirm " + restore[self.confirm])
        os.unlink(self.path)


unwinder = CalledBy()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def print_frames(frame):
    n = 0
    while frame is not None and frame.is_valid():
        frame.select()
        line = gdb.execute("frame", to_string=True).split("\n")[0]
        number, _, rest = line.partition(" ")
        if number.startswith("#"):
            line = f"#{n:<3}{rest.lstrip()}"
        print("  " + line)
        frame = frame.older()
        n += 1


def print_backtrace(g):
    """Of a greenlet of the selected thread."""
    print(g.line())
    if g.life == "GEV__NEW":
        fn = int(g.value["fn"])
        print("  to run " + gdb.execute(f"info symbol {fn}",
                                        to_string=True).strip())
        return
    if g.is_current():
        print_frames(gdb.newest_frame())
        return
    regs = g.registers()
    with Overlay(int(g.value["sp"]), g.stack()):
        unwinder.set(regs)
        try:
            print_frames(gdb.newest_frame().older())
        finally:
            unwinder.clear()


class Gev(gdb.Command):
    """Greenlets of gev: gev ps, gev bt."""

    def __init__(self):
        super().__init__("gev", gdb.COMMAND_STACK, prefix=True)


class GevPs(gdb.Command):
    """List the greenlets of all threads."""

    def __init__(self):
        super().__init__("gev ps", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        with Selection():
            for number, core in threads():
                mode = enum_name(core["mode"], "gev__mode")
                print(f"thread {number}: {int(core['n_alive'])} greenlets,"
                      f" {mode[len('GEV__MODE_'):].lower()} stacks,"
                      f" {int(core['image_bytes'])} bytes of images")
                for g in greenlets_of(core):
                    print("  " + g.line())


class GevBt(gdb.Command):
    """Print where a greenlet is: gev bt [ID [THREAD]]. Without ID: all."""

    def __init__(self):
        super().__init__("gev bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        try:
            wanted = [int(w) for w in words]
        except ValueError:
            wanted = [0] * 3
        if len(wanted) > 2:
            raise gdb.GdbError("gev bt [ID [THREAD]]")
        found = 0
        with Selection():
            for number, core in threads():
                if len(wanted) == 2 and number != wanted[1]:
                    continue
                for g in greenlets_of(core):
                    if not wanted or g.id == wanted[0]:
                        print_backtrace(g)
                        found += 1
        if not found:
            raise gdb.GdbError(f"gev: there is no greenlet {argument}")


Gev()
GevPs()
GevBt()
