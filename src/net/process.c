/* SPDX-License-Identifier: MIT */
/*
 * Child processes as objects: started, waited for by many, reaped by the hub
 *
 * Happy path: exec.c starts it; its pidfd is watched from the beginning. When it
 * has ended the hub reaps it at once, whether anybody waits or not, keeps the
 * status and wakes all who wait.
 *
 * Failure modes
 *   it cannot be watched        killed and reaped before _new returns
 *   freed while it runs         the watch keeps the record until it has ended
 *   freed while somebody waits  EBADF for him; he holds a reference
 *   reaped by somebody else     of this thread: he tells; a stranger: ECHILD
 *   the hub ends                it is watched by the next one that asks
 *   fork                        not the child's: ECHILD there
 */
#include "net/process.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <gev/io.h>

#include "hub/wait.h"
#include "net/exec.h"
#include "sync/waitable.h"

#define ALL_FLAGS                                                              \
    (GEV_PROCESS_NEW_GROUP | GEV_PROCESS_NEW_SESSION | GEV_PROCESS_KEEP_FDS |  \
     GEV_PROCESS_NO_PATH)

static struct gev_process *process_of(struct gev__child *c)
{
    return GEV__CONTAINER(c, struct gev_process, child);
}

/* Not inlined: gcc 12 does not see that who holds two references drops two, and
   warns of a use after free. */
__attribute__((noinline)) void gev__process_drop(struct gev_process *p)
{
    if (--p->refs > 0) {
        return;
    }
    gev__child_close(&p->child);
    gev__exec_close(p->fds);
    free(p->taken[0].data);
    free(p->taken[1].data);
    free(p);
}

/* Nothing more will come: everybody is told. */
static void complete(struct gev_process *p, int status, int err)
{
    struct gev__hub *hub = p->child.hub;

    p->ended = true;
    p->status = status;
    p->err = err;
    gev__child_unwatch(&p->child);
    if (err == 0) {
        gev__child_close(&p->child); /* its number may be used anew */
    }
    gev__wake_all(&p->waiters, 0);
    gev__links_fire(hub, &p->links);
    gev__process_drop(p); /* the watch's */
}

static void on_reaped(struct gev__child *c, int status)
{
    complete(process_of(c), status, 0);
}

static void on_changed(struct gev__child *c)
{
    int err = c->err, status = 0;
    pid_t r = gev__child_reap(c->hub, c->pid, &status, 0);

    if (r > 0) {
        return; /* on_reaped() was called, and @c may be gone */
    }
    if (r < 0 || err < 0) {
        complete(process_of(c), 0, r < 0 ? r : err);
    }
}

static void on_hub_end(struct gev__child *c)
{
    gev__process_drop(process_of(c)); /* the watch's */
}

/* Those who waited, and communicated, are not here. */
static void on_fork(struct gev__child *c)
{
    struct gev_process *p = process_of(c);

    gev__list_init(&p->waiters);
    gev__list_init(&p->links);
    p->ended = true;
    p->err = -ECHILD;
    p->busy = false;
    p->refs = p->freed ? 1 : 2;
    gev__process_drop(p); /* the watch's */
}

static const struct gev__child_kind kind = {.changed = on_changed,
                                            .reaped = on_reaped,
                                            .end = on_hub_end,
                                            .fork = on_fork};

static int watch(struct gev__hub *hub, struct gev_process *p)
{
    int rc = gev__child_watch(hub, &p->child, false);

    if (rc == 0) {
        gev__process_ref(p);
    }
    return rc;
}

int gev__process_look(struct gev__hub *hub, struct gev_process *p)
{
    int rc = 0;

    if (p->freed) {
        return -EBADF;
    }
    if (p->ended) {
        return 1;
    }
    if (p->child.hub && p->child.hub != hub) {
        return -EPERM;
    }
    if (!p->child.hub) {
        rc = watch(hub, p);
    }
    if (rc == 0) {
        on_changed(&p->child);
    }
    /* The caller has a reference. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return rc < 0 ? rc : p->ended;
}

int gev__process_wait(struct gev__hub *hub, struct gev_process *p,
                      double deadline)
{
    struct gev__wait w = {.deadline = deadline,
                          .reason = GEV__WAIT_OTHER,
                          .object = p,
                          .list = &p->waiters,
                          .wakeable = 1};
    int rc = gev__process_look(hub, p);

    if (rc == 0) {
        gev__process_ref(p);
        rc = gev__park(hub, &w);
        if (rc == 0 && p->freed) {
            rc = -EBADF;
        }
        if (rc == 0) {
            rc = p->err;
        }
        gev__process_drop(p);
        return rc;
    }
    return rc < 0 ? rc : p->err;
}

/* Copies what the caller knows of the options; the rest is zero. */
static int read_options(const struct gev_process_options *from,
                        struct gev_process_options *to)
{
    size_t size = from ? from->size : 0;

    *to = (struct gev_process_options){.size = sizeof *to};
    if (!from) {
        return 0;
    }
    if (size < offsetof(struct gev_process_options, err) + sizeof to->err ||
        size > sizeof *to) {
        return -EINVAL;
    }
    memcpy(to, from, size);
    if ((to->flags & ~ALL_FLAGS) || to->in < GEV_PROCESS_PIPE ||
        to->out < GEV_PROCESS_PIPE || to->err < GEV_PROCESS_STDOUT) {
        return -EINVAL;
    }
    return 0;
}

/* It runs and nobody would notice its end: it may not. */
static void undo(struct gev_process *p)
{
    int saved = errno;

    (void)kill(p->child.pid, SIGKILL);
    while (waitpid(p->child.pid, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = saved;
}

static int start(struct gev__hub *hub, struct gev_process *p,
                 const char *const *argv, const struct gev_process_options *opt)
{
    pid_t pid = gev__exec(hub, argv, opt, p->fds);
    int rc;

    if (pid < 0) {
        return pid;
    }
    gev__child_init(&p->child, &kind, pid);
    rc = watch(hub, p);
    if (rc == -ECHILD) { /* SIGCHLD is ignored, and it has ended */
        p->ended = true;
        p->err = rc;
        rc = 0;
    } else if (rc < 0) {
        undo(p);
    }
    return rc;
}

static int process_new(const char *const *argv,
                       const struct gev_process_options *options,
                       struct gev_process **ret)
{
    struct gev_process_options opt;
    struct gev_process *p;
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        rc = read_options(options, &opt);
    }
    if (rc < 0 || !argv || !argv[0]) {
        return rc < 0 ? rc : -EINVAL;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        return -ENOMEM;
    }
    p->what = "process";
    p->refs = 1;
    gev__list_init(&p->waiters);
    gev__list_init(&p->links);
    gev__child_init(&p->child, &kind, -1);
    rc = start(hub, p, argv, &opt);
    if (rc < 0) {
        gev__exec_close(p->fds);
        free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

struct gev_process *gev_process_new(const char *const *argv,
                                    const struct gev_process_options *options)
{
    struct gev_process *p = NULL;

    return gev__ret(process_new(argv, options, &p)) < 0 ? NULL : p;
}

void gev_process_free(struct gev_process *p)
{
    if (!p || (p->child.hub && p->child.hub != gev__hub_tls)) {
        return;
    }
    p->freed = true;
    gev__exec_close(p->fds);
    if (p->child.hub) {
        gev__wake_all(&p->waiters, 0); /* they see that it is freed */
        gev__waitable_gone(p->child.hub, &p->links);
    }
    gev__process_drop(p);
}

static int look(void *object, struct gev__list **ret_links)
{
    struct gev_process *p = object;
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        rc = gev__process_look(hub, p); /* the handle's reference keeps it */
    }
    if (rc == 0 && ret_links) {
        *ret_links = &p->links;
    }
    return rc;
}

static const struct gev_waitable_kind waitable = {.look = look,
                                                  .outside = true};

struct gev_waitable gev_on_process(struct gev_process *p)
{
    return (struct gev_waitable){&waitable, p};
}

pid_t gev_process_pid(const struct gev_process *p)
{
    return p->child.pid;
}

int gev_process_fd(const struct gev_process *p, int which)
{
    if (!p || which < 0 || which > 2 || p->fds[which] < 0) {
        return (int)gev__ret(-EBADF);
    }
    return p->fds[which];
}

int gev_process_close(struct gev_process *p, int which)
{
    int fd = gev_process_fd(p, which);

    if (fd < 0) {
        return -1;
    }
    p->fds[which] = -1;
    (void)gev_close(fd); /* a pipe's says nothing of use */
    return 0;
}

int gev_process_wait(struct gev_process *p, int *ret_status, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub), status;

    if (rc < 0 || !p || !gev__secs_ok(timeout)) {
        return (int)gev__ret(rc < 0 ? rc : -EINVAL);
    }
    if (p->child.hub && p->child.hub != hub) {
        return (int)gev__ret(-EPERM);
    }
    gev__process_ref(p);
    if (timeout > 0) {
        rc = gev__process_wait(hub, p, gev__deadline(timeout));
    } else {
        rc = gev__process_look(hub, p);
        rc = rc == 0 ? -ETIMEDOUT : rc < 0 ? rc : p->err;
    }
    /* We have a reference. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    status = p->status;
    gev__process_drop(p);
    if (rc == 0 && ret_status) {
        *ret_status = status;
    }
    return (int)gev__ret(rc);
}

int gev_process_kill(struct gev_process *p, int sig)
{
    int saved = errno, r;

    if (!p) {
        return (int)gev__ret(-EINVAL);
    }
    if (p->child.pidfd >= 0) {
        r = pidfd_send_signal(p->child.pidfd, sig, NULL, 0);
    } else if (p->ended) {
        return (int)gev__ret(-ESRCH);
    } else { /* not reaped, so its number is its own */
        r = kill(p->child.pid, sig);
    }
    if (r == 0) {
        errno = saved;
    }
    return r;
}
