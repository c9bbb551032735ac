/* SPDX-License-Identifier: MIT */
/*
 * sigaction, signal and their relatives: the program's handlers, called by one of
 * ours that first sees to EINTR
 *
 *   the kernel has    our trampoline, with the program's mask and flags, SA_SIGINFO
 *   @table has        the program's handler and the two flags that matter, in one
 *                     word per signal: a handler reads it while others write
 *   the program sees  its own, whenever the kernel's answer is the trampoline
 *
 * So what the kernel does by itself (SA_RESETHAND, exec(2)), and SIG_DFL and SIG_IGN,
 * need no bookkeeping. The two change together: one thread at a time, with all signals
 * blocked, since sigaction(2) may be called in a handler. The table is first: a signal
 * that another thread gets in between finds the new handler and never none.
 *
 * Left as they are: handlers that were set before this library was there, libgev's own
 * and libev's. A loop of libev's that the program runs is woken by its pipe, and
 * gev_signal() is no reason to end a call of main's.
 *
 * In the child of a vfork(2) the memory is its parent's and the dispositions are its
 * own: there handlers are set as they are.
 */
#include "patch/sigaction.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "patch/guard.h"
#include "patch/interrupt.h"
#include "patch/real.h"

/* User addresses leave the top bits of a word free. */
#define SIGINFO  ((uint64_t)1 << 63)
#define RESTARTS ((uint64_t)1 << 62)
#define ADDRESS  (RESTARTS - 1)

/* SIG_DFL, SIG_IGN, SIG_HOLD are no code, nor is SIG_ERR. */
#define IS_CODE(address) ((address) > 4095 && (address) <= ADDRESS)

static uint64_t table[NSIG];
static bool locked;
static sigset_t fork_mask;      /* of who forks, while it does */
static _Thread_local bool forks /* this thread has the lock: it forks */
    __attribute__((tls_model("initial-exec")));
static sigset_t
    interrupting; /* siginterrupt(3): signal(3) is to be SA_RESTART's
                                 opposite */

/* Other libraries' functions for a fork may set handlers. */
static void lock(sigset_t *ret_former)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_former);
    while (!forks && __atomic_test_and_set(&locked, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
}

static void unlock(const sigset_t *former)
{
    if (!forks) {
        __atomic_clear(&locked, __ATOMIC_RELEASE);
    }
    pthread_sigmask(SIG_SETMASK, former, NULL);
}

void gev__sigaction_before_fork(void)
{
    sigset_t former;

    lock(&former);
    fork_mask = former;
    forks = true;
}

void gev__sigaction_after_fork(void)
{
    sigset_t former = fork_mask;

    forks = false;
    unlock(&former);
}

typedef void action_fn(int signo, siginfo_t *info, void *context);

static void trampoline(int signo, siginfo_t *info, void *context)
{
    uint64_t word = __atomic_load_n(&table[signo], __ATOMIC_ACQUIRE);
    uintptr_t address = word & ADDRESS;
    struct gev__handler former;

    gev__interrupts_note(word & RESTARTS);
    former = gev__guard_handler_begin(__builtin_frame_address(0));
    if (word & SIGINFO) {
        ((action_fn *)address)(signo, info, context);
    } else {
        ((sighandler_t)address)(signo);
    }
    gev__guard_handler_end(former);
}

static uintptr_t address_of(const struct sigaction *a)
{
    return (uintptr_t)a->sa_handler;
}

static bool is_trampoline(const struct sigaction *a)
{
    return a->sa_sigaction == trampoline;
}

/* Is this a handler of the program's? */
static bool is_wrapped(const struct sigaction *a)
{
    return IS_CODE(address_of(a)) && !is_trampoline(a) &&
           !gev__guard_is_libev(a->sa_handler);
}

static uint64_t word_of(const struct sigaction *a)
{
    return address_of(a) | (a->sa_flags & SA_SIGINFO ? SIGINFO : 0) |
           (a->sa_flags & SA_RESTART ? RESTARTS : 0);
}

/* What the kernel has, as the program set it. */
static void translate(struct sigaction *a, uint64_t word)
{
    /* SA_RESETHAND takes the handler away and leaves our flag. */
    bool reset = a->sa_handler == SIG_DFL && (a->sa_flags & SA_RESETHAND);

    if (is_trampoline(a)) {
        a->sa_handler = (sighandler_t)(uintptr_t)(word & ADDRESS);
    } else if (!reset || !word) {
        return;
    }
    if (!(word & SIGINFO)) {
        a->sa_flags &= ~SA_SIGINFO;
    }
}

/* As sigaction(2), in a process whose memory is its own. */
static int change(int signo, const struct sigaction *act, struct sigaction *old)
{
    bool wraps = act && is_wrapped(act);
    struct sigaction ours, was;
    sigset_t former;
    uint64_t word;
    int r;

    if (wraps) {
        ours = *act;
        ours.sa_sigaction = trampoline;
        ours.sa_flags |= SA_SIGINFO;
    }
    lock(&former);
    word = table[signo];
    if (wraps) {
        __atomic_store_n(&table[signo], word_of(act), __ATOMIC_RELEASE);
    }
    r = GEV__REAL(sigaction)(signo, wraps ? &ours : act, &was);
    if (r < 0 && wraps) {
        __atomic_store_n(&table[signo], word, __ATOMIC_RELEASE);
    }
    unlock(&former);
    if (r >= 0 && old) {
        translate(&was, word);
        *old = was;
    }
    return r;
}

/* As sigaction(2). */
static int set_action(int signo, const struct sigaction *act,
                      struct sigaction *old)
{
    int r;

    if (signo <= 0 || signo >= NSIG) {
        return GEV__REAL(sigaction)(signo, act, old); /* EINVAL */
    }
    if (!gev__guard_is_borrowed()) {
        return change(signo, act, old);
    }
    r = GEV__REAL(sigaction)(signo, act, old);
    if (r == 0 && old) {
        translate(old, __atomic_load_n(&table[signo], __ATOMIC_ACQUIRE));
    }
    return r;
}

/* Whether a call is one that we answer. Counts it. */
#define IS_OURS(name) is_ours(GEV__N_##name, __builtin_return_address(0))

static bool is_ours(enum gev__name name, const void *caller)
{
    bool ours = gev__guard_takes(GEV__F_signal, caller);

    if (ours) {
        gev__counts[name].tried++;
    } else {
        gev__counts[name].passed++;
    }
    return ours;
}

GEV__INTERPOSED int sigaction(int signo, const struct sigaction *act,
                              struct sigaction *old)
{
    if (!IS_OURS(sigaction)) {
        return GEV__REAL(sigaction)(signo, act, old);
    }
    return set_action(signo, act, old);
}

GEV__INTERPOSED int __sigaction(int signo, const struct sigaction *act,
                                struct sigaction *old)
{
    if (!IS_OURS(__sigaction)) {
        return GEV__REAL(__sigaction)(signo, act, old);
    }
    return set_action(signo, act, old);
}

/* The mask of BSD's signal(3) has the signal itself, System V's has none. */
static sighandler_t set_handler(int signo, sighandler_t handler, int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags}, old;

    if (handler == SIG_ERR || signo <= 0 || signo >= NSIG) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (!(flags & SA_NODEFER)) {
        sigaddset(&act.sa_mask, signo);
    }
    return set_action(signo, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static sighandler_t set_bsd(int signo, sighandler_t handler)
{
    bool ends = signo > 0 && signo < NSIG && sigismember(&interrupting, signo);

    return set_handler(signo, handler, ends ? 0 : SA_RESTART);
}

static sighandler_t set_sysv(int signo, sighandler_t handler)
{
    return set_handler(signo, handler,
                       SA_RESETHAND | SA_NODEFER | SA_INTERRUPT);
}

#define SIGNAL(name, set)                                                      \
    GEV__INTERPOSED sighandler_t name(int signo, sighandler_t handler)         \
    {                                                                          \
        if (!IS_OURS(name)) {                                                  \
            return GEV__REAL(name)(signo, handler);                            \
        }                                                                      \
        return set(signo, handler);                                            \
    }

SIGNAL(signal, set_bsd)
SIGNAL(bsd_signal, set_bsd)
SIGNAL(ssignal, set_bsd)
SIGNAL(sysv_signal, set_sysv)
SIGNAL(__sysv_signal, set_sysv)

GEV__INTERPOSED int siginterrupt(int signo, int interrupt)
{
    struct sigaction act;

    if (!IS_OURS(siginterrupt)) {
        return GEV__REAL(siginterrupt)(signo, interrupt);
    }
    if (set_action(signo, NULL, &act) < 0) {
        return -1;
    }
    if (interrupt) {
        sigaddset(&interrupting, signo);
        act.sa_flags &= ~SA_RESTART;
    } else {
        sigdelset(&interrupting, signo);
        act.sa_flags |= SA_RESTART;
    }
    return set_action(signo, &act, NULL);
}

/* To hold a signal is to block it; its handler stays. */
static sighandler_t hold(int signo)
{
    struct sigaction was;
    sigset_t set, former;

    sigemptyset(&set);
    if (sigaddset(&set, signo) < 0 ||
        sigprocmask(SIG_BLOCK, &set, &former) < 0) {
        return SIG_ERR;
    }
    if (sigismember(&former, signo)) {
        return SIG_HOLD;
    }
    return set_action(signo, NULL, &was) < 0 ? SIG_ERR : was.sa_handler;
}

GEV__INTERPOSED sighandler_t sigset(int signo, sighandler_t handler)
{
    struct sigaction act = {.sa_handler = handler}, was;
    sigset_t set, former;

    if (!IS_OURS(sigset)) {
        return GEV__REAL(sigset)(signo, handler);
    }
    if (handler == SIG_HOLD) {
        return hold(signo);
    }
    if (set_action(signo, &act, &was) < 0) {
        return SIG_ERR;
    }
    sigemptyset(&set);
    if (sigaddset(&set, signo) < 0 ||
        sigprocmask(SIG_UNBLOCK, &set, &former) < 0) {
        return SIG_ERR;
    }
    return sigismember(&former, signo) ? SIG_HOLD : was.sa_handler;
}
