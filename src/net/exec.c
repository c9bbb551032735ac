/* SPDX-License-Identifier: MIT */
/*
 * Starting a program with posix_spawn(3).
 *
 * It is fork and exec without copying this process's page tables, it runs
 * nothing of ours in between, and it reports why exec failed. What the child
 * gets is prepared here, so that all that can fail for us fails before:
 *
 *   source   per stream: the descriptor that the child shall have there, ours
 *            or the caller's; above 2, or already in its place, so that no
 *            dup2(2) in the child overwrites one that is still needed
 *   fds      our ends of the pipes, non-blocking; the child's ends are not
 */
#include "net/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <gev/io.h>

#include "hub/fd.h"
#include "net/nonblock.h"

struct plan {
    int want[3];   /* GEV_PROCESS_… or a descriptor, as in the options */
    int source[3]; /* to be duplicated in the child, or -1 */
    bool ours[3];  /* @source is to be closed here */
    int *fds;      /* our ends */
};

void gev__exec_close(int fds[3])
{
    int saved = errno;

    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            (void)gev_close(fds[i]);
            fds[i] = -1;
        }
    }
    errno = saved;
}

static void close_sources(struct plan *p)
{
    for (int i = 0; i < 3; i++) {
        if (p->ours[i]) {
            close(p->source[i]);
        }
    }
}

/* A source in the way of another stream is replaced by a copy above 2. */
static int lift(struct plan *p, int i)
{
    int fd = p->source[i];
    int copy;

    if (fd > STDERR_FILENO || fd == i) {
        return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy < 0) {
        return -errno;
    }
    if (p->ours[i]) {
        close(fd);
    }
    p->source[i] = copy;
    p->ours[i] = true;
    return 0;
}

/* A pipe for one stream. What was made stays in @p for the caller to close. */
static int open_pipe(struct gev__hub *hub, struct plan *p, int i)
{
    int ends[2], rc;
    int mine = i == STDIN_FILENO; /* we write its input */

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return -errno;
    }
    p->fds[i] = ends[mine];
    p->source[i] = ends[!mine];
    p->ours[i] = true;
    rc = gev__nonblock_set(ends[mine]);
    return rc < 0 ? rc : gev__fd_opened(hub, ends[mine], GEV__FD_PIPE);
}

static int prepare(struct gev__hub *hub, struct plan *p)
{
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++) {
        if (p->want[i] == GEV_PROCESS_PIPE) {
            rc = open_pipe(hub, p, i);
        } else if (p->want[i] > 0) {
            p->source[i] = p->want[i];
        }
        if (rc == 0 && p->source[i] >= 0) {
            rc = lift(p, i);
        }
    }
    return rc;
}

/* What the child does before it executes; 0 or an errno. */
static int add_actions(posix_spawn_file_actions_t *fa, const struct plan *p,
                       const struct gev_process_options *opt)
{
    int err = 0;

    for (int i = 0; i < 3 && err == 0; i++) {
        if (p->want[i] == GEV_PROCESS_NULL) {
            err = posix_spawn_file_actions_addopen(
                fa, i, "/dev/null", i == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
        } else if (p->want[i] == GEV_PROCESS_STDOUT) {
            err = posix_spawn_file_actions_adddup2(fa, STDOUT_FILENO, i);
        } else if (p->source[i] >= 0) {
            err = posix_spawn_file_actions_adddup2(fa, p->source[i], i);
        }
    }
    if (err == 0 && !(opt->flags & GEV_PROCESS_KEEP_FDS)) {
        err = posix_spawn_file_actions_addclosefrom_np(fa, STDERR_FILENO + 1);
    }
    if (err == 0 && opt->cwd) {
        err = posix_spawn_file_actions_addchdir_np(fa, opt->cwd);
    }
    return err;
}

/* Signals, group and session; 0 or an errno. */
static int set_attributes(posix_spawnattr_t *attr, unsigned flags)
{
    short bits = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t set;
    int err;

    if (flags & GEV_PROCESS_NEW_SESSION) {
        bits |= POSIX_SPAWN_SETSID; /* leads a new group, too */
    } else if (flags & GEV_PROCESS_NEW_GROUP) {
        bits |= POSIX_SPAWN_SETPGROUP;
    }
    sigemptyset(&set);
    err = posix_spawnattr_setsigmask(attr, &set);
    sigaddset(&set, SIGPIPE);
    if (err == 0) {
        err = posix_spawnattr_setsigdefault(attr, &set);
    }
    if (err == 0) {
        err = posix_spawnattr_setpgroup(attr, 0);
    }
    return err ? err : posix_spawnattr_setflags(attr, bits);
}

/* Runs it with everything prepared; 0 or an errno. */
static int spawn(pid_t *ret_pid, const struct plan *p, const char *const *argv,
                 const struct gev_process_options *opt)
{
    const char *file = opt->file ? opt->file : argv[0];
    char *const *args = (char *const *)(uintptr_t)argv; /* not written to */
    char *const *env = opt->env ? (char *const *)(uintptr_t)opt->env : environ;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int err = posix_spawn_file_actions_init(&fa);

    if (err) {
        return err; /* UNTESTED: glibc's never fails, nor does the next */
    }
    err = posix_spawnattr_init(&attr);
    if (err == 0) {
        err = add_actions(&fa, p, opt);
        if (err == 0) {
            err = set_attributes(&attr, opt->flags);
        }
        if (err == 0 && (opt->flags & GEV_PROCESS_NO_PATH)) {
            err = posix_spawn(ret_pid, file, &fa, &attr, args, env);
        } else if (err == 0) {
            err = posix_spawnp(ret_pid, file, &fa, &attr, args, env);
        }
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return err;
}

pid_t gev__exec(struct gev__hub *hub, const char *const *argv,
                const struct gev_process_options *opt, int ret_fds[3])
{
    struct plan p = {.want = {opt->in, opt->out, opt->err},
                     .source = {-1, -1, -1},
                     .fds = ret_fds};
    int saved = errno, rc;
    pid_t pid = -1;

    ret_fds[0] = ret_fds[1] = ret_fds[2] = -1;
    rc = prepare(hub, &p);
    if (rc == 0) {
        rc = -spawn(&pid, &p, argv, opt);
    }
    close_sources(&p);
    if (rc < 0) {
        gev__exec_close(ret_fds);
    }
    errno = saved;
    return rc < 0 ? rc : pid;
}
