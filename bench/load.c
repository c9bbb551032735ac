/* SPDX-License-Identifier: MIT */
/*
 * load - the load generator: epoll, one thread, a process of its own.
 *
 * Closed loop: a busy connection has exactly one message on its way. The
 * measured window is exact: after the warm-up, and again at the end, no new
 * message is begun, the last echoes are awaited, the server has gone to sleep
 * (proc_cpu_ns() is up to date only then), and its CPU time is read. So every
 * operation counted lies inside the window as a whole, and nothing else does.
 *
 *   open all, one echo each | warm-up | drain, read CPU | window | drain, read
 *
 * Modes: echo (connections stay), connect (connect + echo + close per
 * operation), idle (open and hold), flood (one connection that always has
 * data). Prints one line of JSON; with -i one when all are open, and then one
 * per line on stdin, so that several servers can be measured in turn.
 */
#include "client.h"
#include "clock.h"
#include "hist.h"
#include "proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_EVENTS 1024
#define OPEN_BATCH 256   /* below any backlog: no SYN is ever dropped */
#define SETTLE_US  5000  /* for the server to finish and fall asleep */
#define STALL_MS   15000 /* no reply for so long: the server is stuck */

static const char usage[] =
    "usage: load MODE HOST:PORT [options]   MODE: echo connect idle flood\n"
    "  -n N  connections (connect: at once)     100\n"
    "  -b N  of which busy                      all\n"
    "  -m N  bytes per message                  64\n"
    "  -t S  seconds of the measured window     1\n"
    "  -o N  end the window after N operations instead\n"
    "  -w S  seconds of warm-up                 0.3\n"
    "  -p PID  server whose CPU and memory to read\n"
    "  -c CPU  run on this core\n"
    "  -i    measure a window for each line on stdin, until it ends\n"
    "  -r    connect: end connections by a reset\n";

/* What the command line says. */
struct options {
    const char *mode;      /* echo, connect, idle, flood */
    struct sockaddr_in to; /* the server */
    uint32_t n_conns;      /* connections in all */
    uint32_t n_busy;       /* the first so many of them send */
    uint32_t size;         /* bytes per message */
    double seconds;        /* measured window */
    uint64_t n_ops;        /* or its length in operations, 0 for none */
    double warmup;         /* seconds before the window */
    pid_t pid;             /* server to read, 0 for none */
    bool reset;            /* end connections by a reset */
    bool interactive;      /* a window per line on stdin */
};

/* One stretch of load, from its first message to its last echo. */
struct phase {
    uint64_t deadline;   /* begin no operation after this, clock_ns() */
    uint64_t limit;      /* nor more than so many */
    uint64_t n_begun;    /* operations begun */
    uint64_t n_out;      /* of which still on their way */
    uint64_t begin, end; /* clock_ns() around it */
    struct hist latency; /* per operation */
};

/* What the server had used at some moment; -1 where unknown. */
struct usage {
    int64_t cpu_ns; /* CPU time */
    int64_t rss;    /* resident bytes */
};

static struct options opt = {
    .n_conns = 100, .size = 64, .seconds = 1, .warmup = 0.3};
static struct client *clients; /* opt.n_conns of them */
static int epfd;               /* watches them all */
static bool per_op_connection; /* mode connect */

static bool phase_open(const struct phase *p, uint64_t now)
{
    return p->n_begun < p->limit && now < p->deadline;
}

static void op_begin(struct phase *p, struct client *c, uint64_t now)
{
    c->start = now;
    p->n_begun++;
    p->n_out++;
    if (per_op_connection) {
        client_connect(c, epfd, &opt.to, opt.reset);
    }
    client_send(c, epfd, opt.size);
}

static void op_end(struct phase *p, struct client *c)
{
    if (per_op_connection) {
        close(c->fd);
        c->id += opt.n_conns; /* a new pattern and source for the next one */
    }
    uint64_t now = clock_ns();
    p->n_out--;
    hist_add(&p->latency, now - c->start);
    if (phase_open(p, now)) {
        op_begin(p, c, now);
    }
}

static void on_event(struct phase *p, struct client *c, uint32_t events)
{
    if (events & EPOLLOUT) {
        client_send(c, epfd, opt.size);
    }
    if (events & ~(uint32_t)EPOLLOUT && client_receive(c, opt.size)) {
        op_end(p, c);
    }
}

/* Runs the given connections until the phase is over and all echoes are in. */
static void phase_run(struct phase *p, struct client *first, uint32_t n)
{
    static struct epoll_event events[MAX_EVENTS];

    p->begin = clock_ns();
    for (uint32_t i = 0; i < n && phase_open(p, p->begin); i++) {
        op_begin(p, &first[i], clock_ns());
    }
    while (p->n_out > 0) {
        int n_ready = epoll_wait(epfd, events, MAX_EVENTS, STALL_MS);
        if (n_ready == 0) {
            fprintf(stderr, "load: %llu echoes missing after %d s\n",
                    (unsigned long long)p->n_out, STALL_MS / 1000);
            exit(1);
        }
        for (int i = 0; i < n_ready; i++) {
            on_event(p, events[i].data.ptr, events[i].events);
        }
    }
    p->end = clock_ns();
}

static struct usage server_usage(void)
{
    struct usage u = {-1, -1};

    if (opt.pid) {
        usleep(SETTLE_US);
        u.cpu_ns = proc_cpu_ns(opt.pid);
        u.rss = proc_rss(opt.pid);
    }
    return u;
}

/*
 * Opens all connections, a batch at a time, with one echo on each: so the
 * server has accepted them all, and an idle one is one that has been used.
 */
static void open_all(void)
{
    clients = calloc(opt.n_conns, sizeof *clients);
    if (!clients) {
        perror("load");
        exit(1);
    }
    for (uint32_t i = 0; i < opt.n_conns; i++) {
        clients[i].id = i;
    }
    if (per_op_connection) {
        return;
    }
    for (uint32_t i = 0; i < opt.n_conns; i += OPEN_BATCH) {
        uint32_t n =
            opt.n_conns - i < OPEN_BATCH ? opt.n_conns - i : OPEN_BATCH;
        static struct phase touch;
        touch = (struct phase){.deadline = UINT64_MAX, .limit = n};
        for (uint32_t k = i; k < i + n; k++) {
            client_connect(&clients[k], epfd, &opt.to, opt.reset);
        }
        phase_run(&touch, &clients[i], n);
    }
}

static void print_memory(struct usage before, struct usage open)
{
    if (opt.pid) {
        printf(", \"rss_before\": %lld, \"rss_open\": %lld, "
               "\"bytes_per_conn\": %.1f",
               (long long)before.rss, (long long)open.rss,
               (double)(open.rss - before.rss) / opt.n_conns);
    }
}

static void print_window(const struct phase *p, struct usage from,
                         struct usage to)
{
    double seconds = (double)(p->end - p->begin) / 1e9;
    double ops = (double)p->latency.n;

    printf(", \"ops\": %llu, \"seconds\": %.4f, \"ops_per_s\": %.0f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f",
           (unsigned long long)p->latency.n, seconds, ops / seconds,
           (double)hist_quantile(&p->latency, 0.50) / 1e3,
           (double)hist_quantile(&p->latency, 0.99) / 1e3,
           (double)p->latency.max / 1e3);
    if (opt.pid) {
        double cpu = (double)(to.cpu_ns - from.cpu_ns);
        printf(", \"cpu_ns_per_op\": %.1f, \"cpu_share\": %.3f", cpu / ops,
               cpu / 1e9 / seconds);
    }
}

/* Warm-up, then the window; prints what it found. */
static void measure(void)
{
    static struct phase warm, window;

    warm = (struct phase){.limit = UINT64_MAX};
    warm.deadline = clock_ns() + (uint64_t)(opt.warmup * 1e9);
    window = (struct phase){0};
    phase_run(&warm, clients, opt.n_busy);
    struct usage from = server_usage();
    window.limit = opt.n_ops ? opt.n_ops : UINT64_MAX;
    window.deadline =
        opt.n_ops ? UINT64_MAX : clock_ns() + (uint64_t)(opt.seconds * 1e9);
    phase_run(&window, clients, opt.n_busy);
    print_window(&window, from, server_usage());
}

/* Answers each line on stdin with a window's line of JSON. */
static void measure_on_request(void)
{
    char line[16];

    printf("}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("{\"mode\": \"%s\"", opt.mode);
        measure();
        printf("}\n");
        fflush(stdout);
    }
}

/* Says that all are open, then waits for the end of stdin or of the time. */
static void hold(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    printf("}\n");
    fflush(stdout);
    poll(&in, 1, (int)(opt.seconds * 1e3));
}

/*
 * One connection that is never empty in either direction: as much as it takes
 * is sent, as much as comes is read and compared with the one repeated byte.
 */
static void flood(void)
{
    static char out[65536], in[65536];
    uint64_t end = clock_ns() + (uint64_t)(opt.seconds * 1e9);
    uint64_t n_echoed = 0;

    memset(out, 'y', sizeof out);
    client_connect(&clients[0], epfd, &opt.to, true);
    struct pollfd pfd = {.fd = clients[0].fd, .events = POLLIN | POLLOUT};
    while (clock_ns() < end && poll(&pfd, 1, 1000) >= 0) {
        if (pfd.revents & POLLOUT) {
            send(pfd.fd, out, sizeof out, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        ssize_t n = recv(pfd.fd, in, sizeof in, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN) ||
            (n > 0 && memcmp(in, out, (size_t)n) != 0)) {
            fprintf(stderr, "load: flood: wrong byte or hang-up\n");
            exit(1);
        }
        n_echoed += n > 0 ? (uint64_t)n : 0;
    }
    printf(", \"echoed_bytes\": %llu", (unsigned long long)n_echoed);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0) {
        perror("load: sched_setaffinity");
        exit(1);
    }
}

static void set_option(int letter)
{
    switch (letter) {
    case 'n':
        opt.n_conns = (uint32_t)atoi(optarg);
        break;
    case 'b':
        opt.n_busy = (uint32_t)atoi(optarg);
        break;
    case 'm':
        opt.size = (uint32_t)atoi(optarg);
        break;
    case 't':
        opt.seconds = atof(optarg);
        break;
    case 'o':
        opt.n_ops = strtoull(optarg, NULL, 10);
        break;
    case 'w':
        opt.warmup = atof(optarg);
        break;
    case 'p':
        opt.pid = (pid_t)atoi(optarg);
        break;
    case 'c':
        pin(atoi(optarg));
        break;
    case 'i':
        opt.interactive = true;
        break;
    case 'r':
        opt.reset = true;
        break;
    default:
        fputs(usage, stderr);
        exit(2);
    }
}

static void parse(int argc, char **argv)
{
    char host[64];
    unsigned port;

    for (int c; (c = getopt(argc, argv, "n:b:m:t:o:w:p:c:ir")) != -1;) {
        set_option(c);
    }
    if (argc - optind != 2 ||
        sscanf(argv[optind + 1], "%63[0-9.]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &opt.to.sin_addr) != 1 || port > 65535 ||
        opt.n_conns == 0 || opt.size == 0 || opt.size > CLIENT_MAX_MESSAGE ||
        opt.n_busy > opt.n_conns) {
        fputs(usage, stderr);
        exit(2);
    }
    opt.mode = argv[optind];
    opt.to.sin_family = AF_INET;
    opt.to.sin_port = htons((uint16_t)port);
    opt.n_busy = opt.n_busy ? opt.n_busy : opt.n_conns;
    per_op_connection =
        strcmp(opt.mode, "connect") == 0 || strcmp(opt.mode, "flood") == 0;
}

static void raise_fd_limit(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    raise_fd_limit();
    epfd = epoll_create1(EPOLL_CLOEXEC);
    struct usage before = server_usage();
    open_all();
    printf("{\"mode\": \"%s\", \"connections\": %u, \"busy\": %u, "
           "\"bytes\": %u",
           opt.mode, opt.n_conns, opt.n_busy, opt.size);
    print_memory(before, server_usage());
    if (strcmp(opt.mode, "idle") == 0) {
        hold();
        return 0;
    }
    if (opt.interactive) {
        measure_on_request();
        return 0;
    }
    if (strcmp(opt.mode, "flood") == 0) {
        flood();
    } else {
        measure();
    }
    printf("}\n");
    return 0;
}
