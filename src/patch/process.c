/* SPDX-License-Identifier: MIT */
/*
 * wait, waitpid, wait3, wait4, waitid, system, popen, pclose
 *
 * waitpid(2) is gev_waitpid(). The others, which give more than a status, wait for
 * a child's pidfd, or where many are meant look again and again, 1 to 20 ms apart,
 * and then call the real function, which has the answer.
 *
 * A signal may end them; a child that has ended meanwhile comes first, since it is what
 * SIGCHLD is about. system(3) and pclose(3) it does not end, as in libc.
 *
 * system(3) and popen(3) start the shell with posix_spawn(3), as libc does; only
 * the waiting differs. Reading a popen(3) stream is stdio's and blocks.
 */
#include "patch/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/io.h>
#include <gev/process.h>

#include "patch/closes.h"
#include "patch/guard.h"
#include "patch/interrupt.h"
#include "patch/kind.h"
#include "patch/real.h"

#define NAP_MIN 0.001
#define NAP_MAX 0.020

/* Waits until a child may have ended. Return: 0, 1 if that cannot be told, or -1
   with errno. */
static int await_pidfd(struct gev__eintr *e, int fd)
{
    gev__closes_heed();
    if (gev__eintr_enter(e) == 0 &&
        gev__eintr_leave(e, gev_wait_fd(fd, GEV_READ, GEV_FOREVER)) >= 0) {
        return 0;
    }
    return errno == ECANCELED || errno == ETIMEDOUT || errno == EBADF ||
                   errno == EINTR || errno == EDEADLK
               ? -1
               : 1;
}

static int await_child(struct gev__eintr *e, pid_t pid)
{
    int fd = pidfd_open(pid, 0), rc;

    if (fd < 0) {
        return 1;
    }
    rc = await_pidfd(e, fd);
    int saved = errno;
    (void)gev_close(fd);
    errno = saved;
    return rc;
}

/* A wait4(2) or waitid(2) in progress. */
struct call {
    pid_t pid;             /* as wait4(2) */
    idtype_t idtype;       /* as waitid(2), if @info */
    id_t id;               /* likewise */
    siginfo_t *info;       /* where to, or NULL */
    int *status;           /* of wait4(2) */
    struct rusage *rusage; /* likewise */
    int options;
    bool by_id; /* waitid(2) */
};

/* The real call with @more options. Return: 0 for not yet, 1 or more for done, -1. */
static pid_t ask(const struct call *c, int more)
{
    if (!c->by_id) {
        return GEV__REAL(wait4)(c->pid, c->status, c->options | more,
                                c->rusage);
    }
    siginfo_t none, *info = c->info ? c->info : &none;
    info->si_pid = 0;
    int r = GEV__REAL(waitid)(c->idtype, c->id, info, c->options | more);
    return r < 0 ? -1 : info->si_pid != 0;
}

/* Whether only the end of one child is waited for. */
static int await(struct gev__eintr *e, const struct call *c)
{
    pid_t one = c->by_id ? (c->idtype == P_PID ? (pid_t)c->id : 0) : c->pid;
    int beyond = WUNTRACED | WCONTINUED;

    _Static_assert(WSTOPPED == WUNTRACED, "by id it is called so");
    if (c->options & beyond) {
        return 1;
    }
    if (c->by_id && c->idtype == P_PIDFD) {
        return await_pidfd(e, (int)c->id);
    }
    return one > 0 ? await_child(e, one) : 1;
}

/* Whether only the real call, which stops all greenlets, is left: after a longjmp(3) or
   without memory. */
static bool cannot_wait(void)
{
    return errno == ENOMEM || errno == EDEADLK;
}

/* A wait has failed. Return: as ask(). */
static pid_t give_up(const struct call *c)
{
    int why = errno;
    pid_t r;

    if (cannot_wait()) {
        return ask(c, 0);
    }
    r = why == EINTR ? ask(c, WNOHANG) : 0;
    if (r > 0) {
        return r;
    }
    errno = why;
    return -1;
}

static pid_t run(const struct call *c, struct gev__eintr *e)
{
    double nap = NAP_MIN;
    int saved = errno;

    for (;;) {
        pid_t r = ask(c, WNOHANG);
        if (r != 0 || (c->options & WNOHANG)) {
            return r;
        }
        int rc = await(e, c);
        if (rc > 0) {
            rc = gev__eintr_enter(e) < 0 ? -1
                                         : gev__eintr_leave(e, gev_sleep(nap));
            nap = nap * 2 < NAP_MAX ? nap * 2 : NAP_MAX;
        }
        if (rc < 0) {
            r = give_up(c);
        }
        if (r >= 0) {
            errno = saved;
        }
        if (rc < 0) {
            return r;
        }
    }
}

/* gev_waitpid(); when a signal ends it, is it because of the child? */
static pid_t wait_once(struct gev__eintr *e, pid_t pid, int *status,
                       int options)
{
    int saved = errno;
    pid_t r;

    if (gev__eintr_enter(e) == 0) {
        r = gev__eintr_leave(e, gev_waitpid(pid, status, options));
        if (r >= 0) {
            return r;
        }
    }
    if (errno != EINTR) {
        return -1;
    }
    r = gev_waitpid(pid, status, options | WNOHANG);
    errno = r > 0 ? saved : EINTR;
    return r > 0 ? r : -1;
}

static pid_t cooperative_waitpid(enum gev__name name, enum gev__ends by,
                                 struct call *c)
{
    struct gev__eintr e = gev__eintr_begin(by);
    int saved = errno;
    pid_t r;

    gev__count_waited(name);
    r = wait_once(&e, c->pid, c->status, c->options);
    if (r < 0 && (errno == EBUSY || errno == EMFILE || errno == ENFILE ||
                  cannot_wait())) { /* no way to be told: look */
        errno = saved;
        r = run(c, &e);
    }
    return r;
}

GEV__INTERPOSED pid_t waitpid(pid_t pid, int *status, int options)
{
    int go = GEV__GUARD(process, waitpid);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(waitpid)(pid, status, options);
    }
    return cooperative_waitpid(
        GEV__N_waitpid, GEV__UNLESS_RESTART,
        &(struct call){.pid = pid, .status = status, .options = options});
}

GEV__INTERPOSED pid_t wait(int *status)
{
    int go = GEV__GUARD(process, wait);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(wait)(status);
    }
    return cooperative_waitpid(GEV__N_wait, GEV__UNLESS_RESTART,
                               &(struct call){.pid = -1, .status = status});
}

GEV__INTERPOSED pid_t wait4(pid_t pid, int *status, int options,
                            struct rusage *rusage)
{
    int go = GEV__GUARD(process, wait4);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(wait4)(pid, status, options, rusage);
    }
    struct call c = {
        .pid = pid, .status = status, .rusage = rusage, .options = options};
    struct gev__eintr e = gev__eintr_begin(GEV__UNLESS_RESTART);
    gev__count_waited(GEV__N_wait4);
    return run(&c, &e);
}

GEV__INTERPOSED pid_t wait3(int *status, int options, struct rusage *rusage)
{
    int go = GEV__GUARD(process, wait3);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(wait3)(status, options, rusage);
    }
    struct call c = {
        .pid = -1, .status = status, .rusage = rusage, .options = options};
    struct gev__eintr e = gev__eintr_begin(GEV__UNLESS_RESTART);
    gev__count_waited(GEV__N_wait3);
    return run(&c, &e);
}

GEV__INTERPOSED int waitid(idtype_t idtype, id_t id, siginfo_t *info,
                           int options)
{
    int go = GEV__GUARD(process, waitid);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(waitid)(idtype, id, info, options);
    }
    struct call c = {.idtype = idtype,
                     .id = id,
                     .info = info,
                     .options = options,
                     .by_id = true};
    struct gev__eintr e = gev__eintr_begin(GEV__UNLESS_RESTART);
    gev__count_waited(GEV__N_waitid);
    return run(&c, &e) < 0 ? -1 : 0;
}

/* A shell of ours. No signal ends this. */
static pid_t await_end(enum gev__name name, pid_t pid, int *status)
{
    return cooperative_waitpid(name, GEV__NOTHING,
                               &(struct call){.pid = pid, .status = status});
}

/* While shells of system(3) run, the terminal's signals are theirs. The functions are
   ours: they keep the table of handlers. */
static struct {
    int n; /* shells */
    struct sigaction interrupt, quit;
} ignored;

static void ignore_signals(bool begin)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (begin && ignored.n++ == 0) {
        sigaction(SIGINT, &ignore, &ignored.interrupt);
        sigaction(SIGQUIT, &ignore, &ignored.quit);
    } else if (!begin && --ignored.n == 0) {
        sigaction(SIGINT, &ignored.interrupt, NULL);
        sigaction(SIGQUIT, &ignored.quit, NULL);
    }
}

/* The shell has the signals as the program had them before. */
static int spawn_shell(pid_t *ret_pid, const char *command,
                       const posix_spawn_file_actions_t *files, bool defaults)
{
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                    (char *)(uintptr_t)command, NULL};
    posix_spawnattr_t attr;
    sigset_t set;
    int rc = posix_spawnattr_init(&attr);

    if (rc) {
        return rc;
    }
    sigemptyset(&set);
    if (defaults && ignored.interrupt.sa_handler != SIG_IGN) {
        sigaddset(&set, SIGINT);
    }
    if (defaults && ignored.quit.sa_handler != SIG_IGN) {
        sigaddset(&set, SIGQUIT);
    }
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn(ret_pid, "/bin/sh", files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return rc;
}

GEV__INTERPOSED int system(const char *command)
{
    int go = command ? GEV__GUARD(process, system) : GEV__PASS;
    int status = -1, rc, saved = errno;
    pid_t pid;

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(system)(command);
    }
    ignore_signals(true);
    rc = spawn_shell(&pid, command, NULL, true);
    if (rc == 0) {
        rc = await_end(GEV__N_system, pid, &status) < 0 ? errno : 0;
    } else {
        status = 127 << 8; /* as the shell that could not be run */
        rc = 0;
    }
    ignore_signals(false);
    errno = rc ? rc : saved;
    return rc ? -1 : status;
}

/* The streams of popen(3), of all threads. */
struct stream {
    struct stream *next;
    FILE *f;
    pid_t pid;
};

static struct stream *streams;
static pthread_mutex_t streams_lock = PTHREAD_MUTEX_INITIALIZER;

/* The child's ends of other streams are close-on-exec; its own is moved into
   place. */
static int spawn_stream(struct stream *s, const char *command, int fd, int to)
{
    posix_spawn_file_actions_t files;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc) {
        return rc;
    }
    rc = posix_spawn_file_actions_adddup2(&files, fd, to);
    if (rc == 0) {
        rc = spawn_shell(&s->pid, command, &files, false);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static int open_stream(struct stream *s, const char *command, bool reads,
                       bool cloexec)
{
    int fds[2], rc;

    s->f = NULL;
    if (GEV__REAL(pipe2)(fds, O_CLOEXEC) < 0) {
        return errno;
    }
    gev__kind_forget(fds[!reads]);
    s->f = fdopen(fds[!reads], reads ? "r" : "w"); /* before there is a child */
    if (!s->f) {
        rc = errno;
        GEV__REAL(close)(fds[!reads]);
        GEV__REAL(close)(fds[reads]);
        return rc;
    }
    rc = spawn_stream(s, command, fds[reads],
                      reads ? STDOUT_FILENO : STDIN_FILENO);
    GEV__REAL(close)(fds[reads]);
    if (rc) {
        GEV__REAL(fclose)(s->f);
    } else if (!cloexec) {
        GEV__REAL(fcntl)(fds[!reads], F_SETFD, 0);
    }
    return rc;
}

GEV__INTERPOSED FILE *popen(const char *command, const char *mode)
{
    bool plain = mode && strspn(mode, "rwe") == strlen(mode) &&
                 !strchr(mode, 'r') != !strchr(mode, 'w');
    int go = plain ? GEV__GUARD(process, popen) : GEV__PASS, rc;
    struct stream *s;

    if (go != GEV__COOPERATE) {
        return go < 0 ? NULL : GEV__REAL(popen)(command, mode);
    }
    s = malloc(sizeof *s);
    rc = s ? open_stream(s, command, strchr(mode, 'r') != NULL,
                         strchr(mode, 'e') != NULL)
           : ENOMEM;
    if (rc) {
        free(s);
        errno = rc;
        return NULL;
    }
    pthread_mutex_lock(&streams_lock);
    s->next = streams;
    streams = s;
    pthread_mutex_unlock(&streams_lock);
    return s->f;
}

bool gev__process_has(const FILE *f)
{
    const struct stream *s;

    if (!__atomic_load_n(&streams, __ATOMIC_RELAXED)) {
        return false; /* as nearly always */
    }
    pthread_mutex_lock(&streams_lock);
    for (s = streams; s && s->f != f; s = s->next) {
    }
    pthread_mutex_unlock(&streams_lock);
    return s != NULL;
}

/* Takes it off the list. Return: its child, or 0 if it is not ours. */
static pid_t take_stream(FILE *f)
{
    struct stream **at, *s;
    pid_t pid = 0;

    pthread_mutex_lock(&streams_lock);
    for (at = &streams; *at && (*at)->f != f; at = &(*at)->next) {
    }
    s = *at;
    if (s) {
        *at = s->next;
        pid = s->pid;
    }
    pthread_mutex_unlock(&streams_lock);
    free(s);
    return pid;
}

/* A killed greenlet's stream is closed, but its child not waited for. */
static int reap_now(pid_t pid, int *status)
{
    int err = errno;
    pid_t r = GEV__REAL(waitpid)(pid, status, WNOHANG);

    errno = r == 0 ? err : errno;
    return r > 0 ? 0 : -1;
}

GEV__INTERPOSED int pclose(FILE *f)
{
    pid_t pid = take_stream(f);
    int go, status = -1, r;

    if (pid == 0) {
        return GEV__REAL(pclose)(f);
    }
    (void)fclose(f);
    go = GEV__GUARD(process, pclose);
    if (go < 0) {
        r = reap_now(pid, &status);
    } else if (go == GEV__COOPERATE) {
        r = await_end(GEV__N_pclose, pid, &status);
    } else {
        r = GEV__REAL(waitpid)(pid, &status, 0);
    }
    return r < 0 ? -1 : status;
}
