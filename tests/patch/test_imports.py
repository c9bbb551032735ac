#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What libraries and programs import of libc's that can block is interposed.

The symbol tables of what is installed here are read. UNIVERSE is every name of
libc's that can block or that decides what a descriptor is, with the forms that libc
itself exports of each: fortified, 64-bit, unlocked. What one of them imports is a
name of libgev_patch.so, or stands in EXCUSED with the reason. A new one fails.

And the other way round: what src/patch/names.h lists, libgev_patch.so exports and
this libc has.

Usage: test_imports.py LIBGEV_PATCH.SO
"""
import glob
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from check_symbols import interposed  # noqa: E402

LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
FOLDERS = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]
LIBRARIES = ["libcurl.so.4", "libcurl-gnutls.so.4", "libpq.so.5",
             "libhiredis.so.*", "libssl.so.3", "libcrypto.so.3",
             "libnss_*.so.2", "libev.so.4", "libcares.so.2", "libldap*.so.*",
             "liblber*.so.*", "libgnutls.so.30", "libssh2.so.1",
             "libnghttp2.so.14", "libgssapi_krb5.so.2", "libkrb5.so.3",
             "libresolv.so.2", "libstdc++.so.6", "libz.so.1"]
PROGRAMS = ["curl", "wget", "redis-cli", "redis-benchmark", "nc", "openssl",
            "python3", "perl", "bash", "git", "ab", "dig"]
WRAPPED = ["/usr/lib/postgresql/*/bin/psql", "/usr/lib/postgresql/*/bin/pgbench"]
NEEDED = ["libc.so.6", "libcurl.so.4", "libnss_files.so.2"]

UNIVERSE = """
poll ppoll select pselect epoll_wait epoll_pwait epoll_pwait2
pause sigpause sigsuspend sigwait sigwaitinfo sigtimedwait
read readv pread preadv preadv2 write writev pwrite pwritev pwritev2
recv recvfrom recvmsg recvmmsg send sendto sendmsg sendmmsg
sendfile splice tee vmsplice copy_file_range eventfd_read eventfd_write
connect accept accept4 listen socket socketpair pipe pipe2 shutdown
setsockopt sockatmark isfdtype
close close_range closefrom dup dup2 dup3 fcntl ioctl
open openat creat open_by_handle_at fopen fdopen freopen fclose fcloseall tmpfile
popen pclose opendir
flock lockf
fread fgets fgetc getc getchar gets getw getline getdelim scanf fscanf vscanf
vfscanf __uflow __underflow fgetwc getwc fgetws ungetc
fwrite fputs fputc putc putchar puts putw printf fprintf vprintf vfprintf dprintf
vdprintf __overflow fflush perror psignal fputwc fputws fwprintf fseek fseeko rewind
fsetpos setbuf setvbuf
tcdrain tcflow tcsendbreak tcsetattr getpass
mq_open mq_send mq_timedsend mq_receive mq_timedreceive
msgsnd msgrcv semop semtimedop
sem_wait sem_timedwait sem_clockwait
pthread_mutex_lock pthread_mutex_timedlock pthread_mutex_clocklock
pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_rwlock_timedrdlock
pthread_rwlock_timedwrlock pthread_rwlock_clockrdlock pthread_rwlock_clockwrlock
pthread_cond_wait pthread_cond_timedwait pthread_cond_clockwait
pthread_barrier_wait pthread_join pthread_timedjoin_np pthread_clockjoin_np
pthread_spin_lock pthread_once pthread_create
mtx_lock mtx_timedlock cnd_wait cnd_timedwait thrd_join thrd_create call_once
aio_suspend aio_read aio_write aio_fsync lio_listio gai_suspend getaddrinfo_a
sleep usleep nanosleep clock_nanosleep thrd_sleep
getaddrinfo getnameinfo gethostbyname gethostbyname2 gethostbyaddr gethostid
res_query res_search res_send res_querydomain res_nquery res_nsearch res_nsend
res_nquerydomain rcmd rcmd_af rexec rexec_af ruserok iruserok getpublickey
wait waitpid wait3 wait4 waitid system fork vfork _Fork forkpty daemon
posix_spawn posix_spawnp
fsync fdatasync sync syncfs msync sync_file_range
getrandom getentropy syscall
syslog vsyslog openlog closelog glob wordexp getlogin cuserid
"""

EXCUSED = {
    "makes a number, which is looked at when it is first used": """
        open openat creat fopen fdopen freopen tmpfile opendir
        open_by_handle_at mq_open""",
    "opening a FIFO waits for its other end: not covered, docs/patching.md": """
        __open_2 __openat_2""",
    "changes nothing that is kept of a descriptor": "shutdown",
    "a regular file's, or fails with ESPIPE": """
        pread preadv preadv2 pwrite pwritev pwritev2 copy_file_range fsync
        fdatasync sync syncfs msync sync_file_range""",
    "stdio reads and writes inside libc: not covered, docs/patching.md": """
        fread fgets fgetc getc getchar gets getw getline getdelim scanf fscanf
        vscanf vfscanf __uflow __underflow fgetwc getwc fgetws ungetc fwrite fputs
        fputc putc putchar puts putw printf fprintf vprintf vfprintf dprintf
        vdprintf __overflow fflush perror psignal fputwc fputws fwprintf
        fseek fseeko rewind fsetpos setbuf setvbuf fcloseall""",
    "flock and lockf: not covered, docs/patching.md": "flock lockf",
    "a signal ends it, which the hub does not see: not covered": """
        pause sigpause sigsuspend sigwait sigwaitinfo sigtimedwait""",
    "waits for a terminal's output": """
        tcdrain tcflow tcsendbreak tcsetattr getpass""",
    "between threads: a real thread may be at the other end; --threads": """
        sem_wait sem_timedwait sem_clockwait pthread_mutex_lock
        pthread_mutex_timedlock pthread_mutex_clocklock pthread_rwlock_rdlock
        pthread_rwlock_wrlock pthread_rwlock_timedrdlock
        pthread_rwlock_timedwrlock pthread_rwlock_clockrdlock
        pthread_rwlock_clockwrlock pthread_cond_wait pthread_cond_timedwait
        pthread_cond_clockwait pthread_barrier_wait pthread_join
        pthread_timedjoin_np pthread_clockjoin_np pthread_spin_lock
        pthread_once pthread_create mtx_lock mtx_timedlock cnd_wait
        cnd_timedwait thrd_join thrd_create call_once""",
    "System V's and POSIX's queues have no descriptor that epoll takes": """
        mq_send mq_timedsend mq_receive mq_timedreceive msgsnd msgrcv semop
        semtimedop""",
    "threads of libc's do it": """
        aio_suspend aio_read aio_write aio_fsync lio_listio gai_suspend
        getaddrinfo_a""",
    "the resolver's own calls, inside libc": """
        res_query res_search res_send res_querydomain res_nquery res_nsearch
        res_nsend res_nquerydomain""",
    "does not block; the child's hub is marked by an atfork handler": """
        fork vfork _Fork forkpty daemon posix_spawn posix_spawnp""",
    "waits only until the machine has booted": "getrandom getentropy",
    "asks the name service only for ~user; the module is known by its name":
        "glob",
}


def dynamic(path):
    """The dynamic symbols: (name, defined, visibility)."""
    out = subprocess.run(["readelf", "-W", "--dyn-syms", path], check=True,
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0].rstrip(":").isdigit():
            yield fields[7].split("@")[0], fields[6] != "UND", fields[5]


def base(name):
    """The plain name: __fgets_unlocked_chk is fgets, __isoc99_fscanf fscanf."""
    name = re.sub(r"^(__isoc99_|__isoc23_|__libc_|_IO_|__xpg_|__)", "", name)
    name = re.sub(r"(_chk|_2|_time64)$", "", name)
    name = re.sub(r"64(v2)?$", lambda m: "2" if m[1] else "", name)
    return re.sub(r"(_unlocked|_r)$", "", name)


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def objects():
    """What is installed: name by real path, so that links count once."""
    paths = [p for folder in FOLDERS for name in LIBRARIES
             for p in sorted(glob.glob(f"{folder}/{name}"))]
    paths += [p for name in PROGRAMS if (p := shutil.which(name))]
    paths += [p for name in WRAPPED for p in sorted(glob.glob(name))]
    return {str(Path(p).resolve()): Path(p).name for p in paths if is_elf(p)}


def check_table(library, listed, libc):
    """Prints what is wrong with names.h. Returns how much."""
    exported = {name: vis for name, defined, vis in dynamic(library) if defined}
    wrong = 0
    for name in sorted(listed):
        for problem in [
                name not in exported and "libgev_patch.so does not define it",
                exported.get(name, "DEFAULT") != "DEFAULT" and "it is hidden",
                name not in libc and "this libc does not have it"]:
            if problem:
                print(f"names.h lists {name}, but {problem}")
                wrong += 1
    return wrong


def check_excuses(listed, excused, universe):
    stale = {n: "is interposed" for n in excused if n in listed}
    stale |= {n: "is not in UNIVERSE" for n in excused if n not in universe}
    for name, why in sorted(stale.items()):
        print(f"EXCUSED has {name}, which {why}")
    return len(stale)


def check_imports(listed, excused, universe, libc):
    """Prints each import that nobody answers for. Returns how many."""
    who = defaultdict(list)
    found = objects()
    unknown = [n for n in UNIVERSE.split() if n not in libc]
    for name in unknown:
        print(f"UNIVERSE has {name}, which this libc has not")
    for path, name in sorted(found.items(), key=lambda item: item[1]):
        for symbol, defined, _ in dynamic(path):
            if not defined and symbol in universe:
                who[symbol].append(name)
    missing = {n for n in who
               if n not in listed and n not in excused
               and base(n) not in excused}
    for symbol in sorted(missing):
        print(f"{symbol} is neither interposed nor excused; imported by "
              f"{', '.join(who[symbol])}")
    names = set(found.values()) | {Path(LIBC).name}
    absent = [n for n in NEEDED if n not in names]
    for name in absent:
        print(f"{name} is not installed, and must be read")
    ours = sum(n in listed for n in who)
    print(f"{len(who)} names that can block, imported "
          f"{sum(map(len, who.values()))} times by {len(found)} objects "
          f"({', '.join(sorted(found.values()))}): {ours} interposed, "
          f"{len(who) - ours - len(missing)} excused, {len(missing)} missing")
    return len(missing) + len(absent) + len(unknown)


def main():
    listed = interposed()
    libc = {name for name, defined, _ in dynamic(LIBC) if defined}
    words = set(UNIVERSE.split())
    universe = words | listed | {n for n in libc if base(n) in words}
    excused = {n for names in EXCUSED.values() for n in names.split()}
    wrong = check_table(sys.argv[1], listed, libc)
    wrong += check_excuses(listed, excused, universe)
    wrong += check_imports(listed, excused, universe, libc)
    print(f"{len(listed)} names of names.h, each in libgev_patch.so and in libc")
    return 1 if wrong else 0


sys.exit(main())
