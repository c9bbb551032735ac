/* SPDX-License-Identifier: MIT */
/*
 * The probe's signal handler, and those who ask for it.
 *
 * Happy path: ASKED, pthread_kill(3); the handler takes the probe to BUSY,
 * unwinds from the interrupted instruction, TAKEN, sem_post(3).
 *
 * The handler unwinds by backtrace(3), whose first call loads libgcc and is made
 * beforehand; from then on it only reads (glibc 2.35 and later find unwind
 * tables without a lock). It does not unwind in the middle of a switch: the
 * instructions of one are in one range of addresses, stacks are copied by a
 * function whose caller in that range says that there is nothing above it, and
 * between the two the stack pointer is not on the stack of who is current.
 *
 * Failure modes: no answer in time (the asking thread takes its question back;
 * a signal that comes later finds nothing asked); the signal is somebody else's
 * (handed on to the former handler).
 */
#include "hub/probe.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "core/arch/arch.h"
#include "core/stack.h"
#include "hub/hub.h"

#define ANSWER_SECONDS 0.2 /* how long to wait for the handler */
#define MAX_TRIES      20  /* in the middle of a switch each time */
#define STRICT_TRIES   10
#define PAUSE_NS       1000000

/* Handlers that we have set, by signal. */
static struct {
    unsigned users; /* hubs that use it */
    struct sigaction former;
} table[NSIG];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void gev__probe_lock(bool take_it)
{
    if (take_it) {
        pthread_mutex_lock(&lock);
    } else {
        pthread_mutex_unlock(&lock);
    }
}

/* Is the interrupted code on the stack of the greenlet that is current? */
static bool is_at_home(const struct gev__core *core, uintptr_t sp)
{
    const struct gev_greenlet *g = core->current;

    if (g->kind == GEV__PRIVATE) {
        return sp >= (uintptr_t)g->stack->low && sp <= (uintptr_t)g->stack->top;
    }
    return gev__on_run_stack(core, (const void *)sp) ==
           (g->kind == GEV__SHARED);
}

static void note_who(struct gev__probe *p, const struct gev__hub *hub)
{
    const struct gev_greenlet *g = hub->core->current;
    const struct gev__more *m = g->extra ? g->extra->more : NULL;

    p->id = g->id;
    p->is_hub = g == hub->self;
    p->is_main = g == hub->core->main;
    p->name[0] = '\0';
    if (m && m->name) {
        strncpy(p->name, m->name, sizeof p->name - 1);
    }
}

/* The frames from the interrupted one on: ours above it are left out. */
static int note_frames(struct gev__trace *t, uintptr_t pc)
{
    void *frames[GEV__MAX_FRAMES];
    int n = backtrace(frames, GEV__MAX_FRAMES);
    int first = 0;

    while (first < n && (uintptr_t)frames[first] != pc) {
        first++;
    }
    if (first == n || gev__arch_in_switch((uintptr_t)frames[n - 1])) {
        return GEV__PROBE_AGAIN; /* frames above are being moved */
    }
    t->n = 0;
    t->pc[t->n++] = pc + 1; /* as if it were a return address */
    for (int i = first + 1; i < n; i++) {
        t->pc[t->n++] = (uintptr_t)frames[i];
    }
    return GEV__PROBE_TAKEN;
}

static int take(struct gev__probe *p, const struct gev__hub *hub,
                const void *context)
{
    uintptr_t pc;
    uintptr_t sp;

    if (gev__hub_beat(hub) != p->beat || hub->loop.asleep) {
        return GEV__PROBE_PASSED;
    }
    gev__arch_context(context, &pc, &sp);
    if (gev__arch_in_switch(pc) || !(p->lenient || is_at_home(hub->core, sp))) {
        return GEV__PROBE_AGAIN;
    }
    note_who(p, hub);
    return note_frames(&p->trace, pc);
}

static void hand_on(int signo, siginfo_t *info, void *context)
{
    const struct sigaction *former = &table[signo].former;

    if (former->sa_flags & SA_SIGINFO) {
        former->sa_sigaction(signo, info, context);
    } else if (former->sa_handler != SIG_DFL && former->sa_handler != SIG_IGN) {
        former->sa_handler(signo);
    }
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    const struct gev__hub *hub = gev__hub_tls;
    struct gev__probe *p = hub ? hub->probe : NULL;
    int saved_errno = errno;
    int asked = GEV__PROBE_ASKED;

    if (p && p->signo == signo &&
        atomic_compare_exchange_strong(&p->state, &asked, GEV__PROBE_BUSY)) {
        atomic_store(&p->state, take(p, hub, context));
        sem_post(&p->done);
    } else {
        hand_on(signo, info, context);
    }
    errno = saved_errno;
}

static bool may_use(int signo)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                 SIGILL,  SIGTRAP, SIGABRT};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (signo == faults[i]) {
            return false;
        }
    }
    return signo > 0 && signo < NSIG;
}

static int install(int signo)
{
    struct sigaction sa;
    int rc = 0;

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = on_signal;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&sa.sa_mask);
    pthread_mutex_lock(&lock);
    if (table[signo].users == 0 &&
        (sigaction(signo, NULL, &table[signo].former) < 0 ||
         sigaction(signo, &sa, NULL) < 0)) {
        rc = -errno;
    } else {
        table[signo].users++;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* Puts the former handler back, unless somebody has set another since. */
static void uninstall(int signo)
{
    struct sigaction now;

    pthread_mutex_lock(&lock);
    if (--table[signo].users == 0 && sigaction(signo, NULL, &now) == 0 &&
        now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_signal) {
        sigaction(signo, &table[signo].former, NULL);
    }
    pthread_mutex_unlock(&lock);
}

/* One of ours may be pending, if this thread blocks the signal: it must not
   find the former handler. */
static void take_back_pending(int signo)
{
    struct timespec none = {0};
    sigset_t set;

    if (sigpending(&set) == 0 && sigismember(&set, signo)) {
        sigemptyset(&set);
        sigaddset(&set, signo);
        sigtimedwait(&set, NULL, &none);
    }
}

int gev__probe_open(struct gev__hub *hub, struct gev__probe *p, int signo)
{
    void *frame;
    int rc;

    if (!may_use(signo)) {
        return -EINVAL;
    }
    (void)backtrace(&frame, 1); /* loads libgcc */
    rc = install(signo);
    if (rc < 0) {
        return rc;
    }
    sem_init(&p->done, 0, 0);
    atomic_init(&p->state, GEV__PROBE_IDLE);
    p->thread = pthread_self();
    p->signo = signo;
    hub->probe = p;
    return 0;
}

void gev__probe_forget(struct gev__hub *hub, struct gev__probe *p)
{
    hub->probe = NULL;
    atomic_signal_fence(memory_order_seq_cst); /* the handler is of this thread
                                                */
    uninstall(p->signo);
    sem_destroy(&p->done);
}

void gev__probe_close(struct gev__hub *hub, struct gev__probe *p)
{
    take_back_pending(p->signo);
    gev__probe_forget(hub, p);
}

/* Waits for the handler. False: it did not come, and will find nothing. */
static bool is_answered(struct gev__probe *p)
{
    struct timespec until;
    int asked = GEV__PROBE_ASKED;
    int rc;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ANSWER_SECONDS * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    do {
        rc = sem_clockwait(&p->done, CLOCK_MONOTONIC, &until);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0) {
        return true;
    }
    if (atomic_compare_exchange_strong(&p->state, &asked, GEV__PROBE_IDLE)) {
        return false;
    }
    while (sem_wait(&p->done) < 0) { /* it is at it: it will come */
    }
    return true;
}

int gev__probe_take(struct gev__probe *p, uint64_t beat)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};

    for (int tries = 0; tries < MAX_TRIES; tries++) {
        int state;

        p->beat = beat;
        p->lenient = tries >= STRICT_TRIES;
        atomic_store(&p->state, GEV__PROBE_ASKED);
        if (pthread_kill(p->thread, p->signo) != 0 || !is_answered(p)) {
            atomic_store(&p->state, GEV__PROBE_IDLE);
            return -EAGAIN;
        }
        state = atomic_load(&p->state);
        if (state != GEV__PROBE_AGAIN) {
            return state == GEV__PROBE_TAKEN;
        }
        nanosleep(&pause, NULL); /* switches are shorter */
    }
    return -EAGAIN;
}
