/* SPDX-License-Identifier: MIT */
/*
 * differential: handlers of signals, as they are set, told and called
 */
#include "differential.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
sighandler_t bsd_signal(int signo, sighandler_t handler);

static volatile sig_atomic_t n_plain, n_info, blocked, on_stack;
static siginfo_t told;
static char stack[65536];

static void plain(int signo)
{
    sigset_t mask;

    (void)signo;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    blocked = sigismember(&mask, SIGUSR1) + 2 * sigismember(&mask, SIGUSR2);
    on_stack = (uintptr_t)&mask - (uintptr_t)stack < sizeof stack;
    n_plain++;
}

static void info(int signo, siginfo_t *i, void *context)
{
    told = *i;
    n_info += signo == i->si_signo && context;
}

static const char *name(sighandler_t h)
{
    return h == SIG_DFL              ? "SIG_DFL"
           : h == SIG_IGN            ? "SIG_IGN"
           : h == SIG_ERR            ? "SIG_ERR"
           : h == SIG_HOLD           ? "SIG_HOLD"
           : h == plain              ? "plain"
           : h == (sighandler_t)info ? "info"
                                     : "unknown";
}

/* What is set now. */
static void show_action(int signo)
{
    struct sigaction a;

    memset(&a, 0, sizeof a);
    sigaction(signo, NULL, &a);
    printf("  %s %x %d%d\n", name(a.sa_handler), (unsigned)a.sa_flags,
           sigismember(&a.sa_mask, SIGUSR1), sigismember(&a.sa_mask, SIGUSR2));
}

static void set(int signo, sighandler_t handler, int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags}, old;

    sigaddset(&a.sa_mask, SIGUSR2);
    memset(&old, 0, sizeof old);
    SHOW(sigaction(signo, &a, &old));
    printf("  was %s %x\n", name(old.sa_handler), (unsigned)old.sa_flags);
    show_action(signo);
}

static void actions(void)
{
    struct sigaction old;

    set(SIGUSR1, plain, 0);
    set(SIGUSR1, (sighandler_t)info, SA_SIGINFO | SA_RESTART);
    SHOW(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}));
    printf("  %d %d %d\n", told.si_value.sival_int, told.si_code == SI_QUEUE,
           told.si_pid == getpid());
    SHOW(sigaction(SIGUSR1, NULL, &old));
    set(SIGUSR1, SIG_IGN, SA_RESTART);
    raise(SIGUSR1);
    SHOW(sigaction(SIGUSR1, &old, NULL)); /* as programs put it back */
    show_action(SIGUSR1);
    raise(SIGUSR1);
    SHOW(n_info);
    set(SIGUSR1, plain, SA_NODEFER | SA_ONSTACK);
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&s, NULL);
    raise(SIGUSR1);
    printf("  blocked %d, on stack %d\n", blocked, on_stack);
    set(SIGUSR1, plain, SA_RESETHAND);
    raise(SIGUSR1);
    printf("  blocked %d, on stack %d\n", blocked, on_stack);
    show_action(SIGUSR1);
    set(SIGUSR1, SIG_DFL, 0);
    set(SIGRTMIN, (sighandler_t)info, SA_SIGINFO);
    raise(SIGRTMIN);
    SHOW(n_info);
    SHOW(n_plain);
}

static void errors(void)
{
    const struct sigaction a = {.sa_handler = plain};
    static const int signos[] = {-1, 0, 32, 33, SIGKILL, SIGSTOP, 65, 1000};
    struct sigaction old;

    for (size_t i = 0; i < sizeof signos / sizeof *signos; i++) {
        printf("- %d\n", signos[i]);
        SHOW(sigaction(signos[i], &a, NULL));
        SHOW(sigaction(signos[i], NULL, &old));
        SHOW(sigaction(signos[i], NULL, NULL));
        SHOW(signal(signos[i], plain) == SIG_ERR);
        SHOW(bsd_signal(signos[i], SIG_IGN) == SIG_ERR);
        SHOW(sysv_signal(signos[i], plain) == SIG_ERR);
        SHOW(siginterrupt(signos[i], 1));
        SHOW(sigset(signos[i], plain) == SIG_ERR);
        SHOW(sigset(signos[i], SIG_HOLD) == SIG_ERR);
    }
    SHOW(sigaction(SIGUSR1, NULL, NULL));
    SHOW(signal(SIGUSR1, SIG_ERR) == SIG_ERR);
    SHOW(sysv_signal(SIGUSR1, SIG_ERR) == SIG_ERR);
}

#define SHOW_HANDLER(call)                                                     \
    do {                                                                       \
        errno = 0;                                                             \
        printf("%s: %s\n", #call, name(call));                                 \
    } while (0)

static void older_names(void)
{
    SHOW_HANDLER(signal(SIGUSR1, plain));
    show_action(SIGUSR1);
    SHOW_HANDLER(signal(SIGUSR1, SIG_IGN));
    SHOW_HANDLER(bsd_signal(SIGUSR1, plain));
    show_action(SIGUSR1);
    SHOW_HANDLER(ssignal(SIGUSR1, SIG_DFL));
    SHOW_HANDLER(sysv_signal(SIGUSR1, plain));
    show_action(SIGUSR1);
    raise(SIGUSR1);
    show_action(SIGUSR1);
    signal(SIGUSR1, plain);
    SHOW(siginterrupt(SIGUSR1, 1));
    show_action(SIGUSR1);
    SHOW_HANDLER(signal(SIGUSR1, plain)); /* it is remembered */
    show_action(SIGUSR1);
    SHOW(siginterrupt(SIGUSR1, 0));
    show_action(SIGUSR1);
    SHOW_HANDLER(signal(SIGUSR1, plain));
    show_action(SIGUSR1);
    SHOW_HANDLER(sigset(SIGUSR1, plain));
    show_action(SIGUSR1);
    SHOW_HANDLER(sigset(SIGUSR1, SIG_HOLD));
    SHOW_HANDLER(sigset(SIGUSR1, SIG_HOLD));
    SHOW_HANDLER(sigset(SIGUSR1, SIG_IGN));
    SHOW_HANDLER(sigset(SIGUSR1, SIG_DFL));
    SHOW(n_plain);
}

static int to_self[2];
static struct timespec nap = {0, 1000000};

/* As event loops do it. */
static void write_to_self(int signo)
{
    int saved = errno;
    char c = (char)signo;

    write(to_self[1], &c, 1);
    errno = saved;
}

/* Waits itself, though it has interrupted a wait. */
static void wait_in_handler(int signo)
{
    struct pollfd p = {.fd = to_self[0], .events = POLLIN};
    int saved = errno;

    (void)signo;
    n_plain += poll(&p, 1, 10) == 0;
    n_plain += nanosleep(&nap, NULL) == 0;
    if (fork() == 0) {
        nanosleep(&nap, NULL);
        write(to_self[1], "w", 1);
        _exit(0);
    }
    n_plain += read(to_self[0], buf, 1) == 1;
    n_plain += wait(NULL) > 0;
    errno = saved;
}

static void change_in_handler(int signo)
{
    (void)signo;
    signal(SIGALRM, plain);
}

static void alarm_in(int ms)
{
    struct itimerval t = {.it_value = {0, ms * 1000}};

    setitimer(ITIMER_REAL, &t, NULL);
}

static void busy_handlers(void)
{
    struct pollfd p = {.events = POLLIN};

    pipe(to_self);
    p.fd = to_self[0];
    signal(SIGALRM, write_to_self);
    alarm_in(DELAY);
    SHOW(poll(&p, 1, 1000));
    SHOW(poll(&p, 1, 1000));
    SHOW(read(to_self[0], buf, 1));
    alarm_in(DELAY);
    SHOW(read(to_self[0], buf, 1)); /* signal(3) restarts, and there it is */
    n_plain = 0;
    signal(SIGALRM, wait_in_handler);
    alarm_in(DELAY);
    SHOW(poll(&p, 1, 1000));
    SHOW(n_plain);
    raise(SIGALRM);
    SHOW(n_plain);
    signal(SIGALRM, change_in_handler);
    alarm_in(DELAY);
    SHOW(poll(&p, 1, 1000));
    alarm_in(DELAY);
    SHOW(poll(&p, 1, 1000));
    SHOW(n_plain);
    SHOW(poll(&p, 1, 60)); /* nothing is left behind */
    SHOW(usleep(60000));
    close_both(to_self);
}

/* With libc's calls all the same: the handler runs where nobody waits. */
static sigjmp_buf back;

static void jump(int signo)
{
    siglongjmp(back, signo);
}

static void jumps(void)
{
    signal(SIGALRM, jump);
    if (sigsetjmp(back, 1) == 0) {
        alarm_in(DELAY);
        for (;;) {
        }
    }
    SHOW(usleep(60000));
    signal(SIGALRM, SIG_DFL);
}

/* Dispositions of children are their own. */
static void processes(void)
{
    static char shell[] = "sh", option[] = "-c",
                script[] = "kill -USR1 $$; exit 3";
    char *argv[] = {shell, option, script, NULL};
    pid_t pid, self = getpid();
    int status;

    signal(SIGUSR1, plain);
    n_plain = 0;
    if ((pid = fork()) == 0) {
        alarm_in(DELAY);
        signal(SIGALRM, plain);
        siginterrupt(SIGALRM, 1);
        show_action(SIGUSR1);
        SHOW(usleep(900000));
        raise(SIGUSR1);
        SHOW(n_plain);
        _exit(0);
    }
    SHOW(waitpid(pid, &status, 0) == pid);
    show_action(SIGALRM);
    SHOW(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ));
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(WTERMSIG(status));
    pid = vfork();
    if (pid == 0) {
        struct sigaction old, ignore = {.sa_handler = SIG_IGN};
        sigaction(SIGUSR1, &ignore, &old);
        status = old.sa_handler == plain;
        sigaction(SIGUSR1, &old, NULL); /* its own alone */
        sigaction(SIGUSR1, NULL, &old);
        status += old.sa_handler == plain;
        sigaction(SIGUSR1, &ignore, NULL);
        execve("/bin/sh", argv, environ);
        _exit(127);
    }
    SHOW(status);
    show_action(SIGUSR1);
    SHOW(waitpid(pid, &status, 0) == pid);
    SHOW(WEXITSTATUS(status));
    SHOW(kill(self, SIGUSR1));
    SHOW(n_plain);
    set(SIGINT, plain, SA_RESTART);
    set(SIGQUIT, SIG_IGN, 0);
    SHOW(system("exit 3"));
    show_action(SIGINT);
    show_action(SIGQUIT);
    raise(SIGINT);
    SHOW(n_plain);
    SHOW(system("trap 'exit 4' INT; kill -INT $$"));
    SHOW(n_plain);
}

void test_handlers(void)
{
    actions();
    errors();
    older_names();
    busy_handlers();
    jumps();
    processes();
}
