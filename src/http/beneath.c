/* SPDX-License-Identifier: MIT */
/*
 * Opening a file beneath a directory
 *
 * openat2(2) has the kernel refuse every way out: "..", absolute links, links
 * of /proc. Where it is missing (before Linux 5.6) or forbidden (seccomp gives
 * EPERM or ENOSYS) each directory of the path is opened in turn and no link is
 * followed, so what was checked cannot be exchanged behind our back.
 */
#include "http/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel gives up when something is renamed at the same time. */
#define TRIES 8

static int open_at(int dir, const char *path, int flags)
{
    int saved = errno;
    int fd = openat(dir, path, flags | O_CLOEXEC);

    if (fd < 0) {
        fd = -errno;
        errno = saved;
    }
    return fd;
}

static int kernel_open(int dir, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int saved = errno;
    long fd = -1;

    for (int i = 0; i < TRIES && fd < 0; i++) {
        fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
    }
    if (fd < 0) {
        fd = -errno;
        errno = saved;
    }
    return (int)fd;
}

static bool is_dots(const char *name, size_t n)
{
    return (n == 1 && name[0] == '.') ||
           (n == 2 && name[0] == '.' && name[1] == '.');
}

int gev__beneath_walk(int dir, const char *path, int flags)
{
    char name[NAME_MAX + 1];
    int at = dir, next;

    for (;;) {
        const char *slash = strchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : strlen(path);

        if (n > NAME_MAX || is_dots(path, n)) {
            next = n > NAME_MAX ? -ENAMETOOLONG : -EXDEV;
            slash = NULL;
        } else if (n == 0) { /* at the end, or an empty segment */
            next = open_at(at, ".", slash ? O_PATH | O_DIRECTORY : flags);
        } else {
            memcpy(name, path, n);
            name[n] = '\0';
            next = open_at(at, name,
                           O_NOFOLLOW | (slash ? O_PATH | O_DIRECTORY : flags));
        }
        if (at != dir) {
            close(at);
        }
        if (next < 0 || !slash) {
            return next;
        }
        at = next;
        path = slash + 1;
    }
}

int gev__beneath_open(int dir, const char *path, int flags)
{
    int fd = kernel_open(dir, *path ? path : ".", flags);

    if (fd == -ENOSYS || fd == -EPERM) {
        /* UNTESTED from here: this kernel has it; the walk is by itself. */
        return gev__beneath_walk(dir, path, flags);
    }
    return fd;
}
