/* SPDX-License-Identifier: MIT */
/*
 * The SIGSEGV handler. It runs on an alternate stack, since the one that
 * overflowed has no room; it writes one line and lets the fault happen again
 * with the former handler in place, so core dumps and other people's handlers
 * work as ever.
 */
#include "core/overflow.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/greenlet.h"
#include "core/stack.h"

#define ALT_STACK_SIZE ((size_t)64 << 10)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction former;
static _Thread_local void *alt_stack;

static char *put_text(char *at, const char *text)
{
    while (*text) {
        *at++ = *text++;
    }
    return at;
}

static char *put_hex(char *at, uintptr_t value)
{
    at = put_text(at, "0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
        if (value >> shift || shift == 0) {
            *at++ = "0123456789abcdef"[value >> shift & 15];
        }
    }
    return at;
}

/* Only async-signal-safe calls. */
static void report(const struct gev_greenlet *g, const void *address)
{
    char line[160];
    char *at = put_text(line, "gev: stack overflow in greenlet ");
    ssize_t n;

    at = put_hex(at, (uintptr_t)g);
    at = put_text(at, ": the guard below its stack was touched at ");
    at = put_hex(at, (uintptr_t)address);
    at = put_text(at, "\n");
    n = write(STDERR_FILENO, line, (size_t)(at - line));
    (void)n;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    const struct gev__core *core = gev__core_tls;

    (void)context;
    if (core && info->si_code > 0 && gev__stack_guards(core, info->si_addr)) {
        report(core->current, info->si_addr);
    }
    sigaction(signo, &former, NULL); /* the instruction faults again */
    if (info->si_code <= 0) {
        (void)raise(signo); /* it was sent: no instruction will repeat it */
    }
}

static void install(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = on_fault;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGSEGV, &sa, &former);
}

void gev__overflow_watch(void)
{
    stack_t now;
    stack_t mine = {.ss_size = ALT_STACK_SIZE};

    pthread_once(&once, install);
    if (sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE)) {
        return;
    }
    mine.ss_sp = mmap(NULL, ALT_STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (mine.ss_sp == MAP_FAILED) {
        return;
    }
    if (sigaltstack(&mine, NULL) < 0) {
        munmap(mine.ss_sp, ALT_STACK_SIZE);
        return;
    }
    alt_stack = mine.ss_sp;
}

void gev__overflow_unwatch(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (alt_stack && sigaltstack(&none, NULL) == 0) {
        munmap(alt_stack, ALT_STACK_SIZE);
        alt_stack = NULL;
    }
}
