/* SPDX-License-Identifier: MIT */
/*
 * load - the load generator: epoll, one thread, a process of its own.
 *
 * Closed loop: a busy connection has exactly one message on its way. The
 * measured window is exact: after the warm-up, and again at the end, no new
 * message is begun, the last echoes are awaited, the server has gone to sleep,
 * and its CPU time is read. So every operation counted lies inside the window
 * as a whole, and nothing else does.
 *
 *   open all, one echo each | warm-up | drain, read CPU | window | drain, read
 *
 * Modes: echo (connections stay), connect (connect + echo + close per
 * operation), idle (open and hold), flood (one connection that always has
 * data), open (operations at a fixed rate, see load_open()). Prints one line of
 * JSON; with -i one when all are open, and then one per line on stdin, so that
 * several servers can be measured in turn.
 */
#include "load.h"

#include "clock.h"
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

#define OPEN_BATCH 256  /* below any backlog: no SYN is ever dropped */
#define SETTLE_US  5000 /* for the server to finish and fall asleep */

static const char usage[] =
    "usage: load MODE HOST:PORT [options]   MODE: echo connect idle flood "
    "open\n"
    "  -n N  connections (connect: at once)     100\n"
    "  -b N  of which busy                      all\n"
    "  -m N  bytes per message                  64\n"
    "  -R N  open: operations per second\n"
    "  -t S  seconds of the measured window     1\n"
    "  -o N  end the window after N operations instead\n"
    "  -w S  seconds of warm-up                 0.3\n"
    "  -p PID  server whose CPU and memory to read\n"
    "  -c CPU  run on this core\n"
    "  -i    measure a window for each line on stdin, until it ends\n"
    "  -r    connect: end connections by a reset\n"
    "  -H    GET / over HTTP instead of echoes\n";

/* What the server had used at some moment; -1 where unknown. */
struct usage {
    int64_t cpu_ns;  /* CPU time */
    int64_t load_ns; /* CPU time of the load itself */
    int64_t rss;     /* resident bytes */
};

struct load_options load_opt = {
    .n_conns = 100, .size = 64, .seconds = 1, .warmup = 0.3};
struct client *load_clients;
int load_epfd;
static bool per_op_connection; /* connections are opened by each operation */

static struct usage server_usage(void)
{
    struct usage u = {-1, proc_cpu_ns(getpid()), -1};

    if (load_opt.pid) {
        usleep(SETTLE_US);
        u.cpu_ns = proc_cpu_ns(load_opt.pid);
        u.rss = proc_rss(load_opt.pid);
    }
    return u;
}

/*
 * Opens all connections, a batch at a time, with one echo on each: so the
 * server has accepted them all, and an idle one is one that has been used.
 */
static void open_all(void)
{
    load_clients = calloc(load_opt.n_conns, sizeof *load_clients);
    if (!load_clients) {
        perror("load");
        exit(1);
    }
    for (uint32_t i = 0; i < load_opt.n_conns; i++) {
        load_clients[i].id = i;
    }
    if (per_op_connection) {
        return;
    }
    for (uint32_t i = 0; i < load_opt.n_conns; i += OPEN_BATCH) {
        uint32_t n = load_opt.n_conns - i < OPEN_BATCH ? load_opt.n_conns - i
                                                       : OPEN_BATCH;
        static struct load_phase touch;
        touch = (struct load_phase){.deadline = UINT64_MAX, .limit = n};
        for (uint32_t k = i; k < i + n; k++) {
            client_connect(&load_clients[k], load_epfd, &load_opt.to,
                           load_opt.reset);
        }
        load_closed(&touch, &load_clients[i], n);
    }
}

static void print_memory(struct usage before, struct usage open)
{
    if (load_opt.pid) {
        printf(", \"rss_before\": %lld, \"rss_open\": %lld, "
               "\"bytes_per_conn\": %.1f",
               (long long)before.rss, (long long)open.rss,
               (double)(open.rss - before.rss) / load_opt.n_conns);
    }
}

static void print_window(const struct load_phase *p, struct usage from,
                         struct usage to)
{
    double seconds = (double)(p->end - p->begin) / 1e9;
    double ops = (double)p->latency.n;

    printf(", \"ops\": %llu, \"seconds\": %.4f, \"ops_per_s\": %.0f, "
           "\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"max_us\": %.1f, \"load_share\": %.3f",
           (unsigned long long)p->latency.n, seconds, ops / seconds,
           (double)hist_quantile(&p->latency, 0.50) / 1e3,
           (double)hist_quantile(&p->latency, 0.90) / 1e3,
           (double)hist_quantile(&p->latency, 0.99) / 1e3,
           (double)hist_quantile(&p->latency, 0.999) / 1e3,
           (double)p->latency.max / 1e3,
           (double)(to.load_ns - from.load_ns) / 1e9 / seconds);
    if (load_opt.pid) {
        double cpu = (double)(to.cpu_ns - from.cpu_ns);
        printf(", \"cpu_ns_per_op\": %.1f, \"cpu_share\": %.3f", cpu / ops,
               cpu / 1e9 / seconds);
    }
}

/* Warm-up, then the window; prints what it found. */
static void measure(void)
{
    static struct load_phase warm, window;

    warm = (struct load_phase){.limit = UINT64_MAX};
    warm.deadline = clock_ns() + (uint64_t)(load_opt.warmup * 1e9);
    window = (struct load_phase){0};
    load_closed(&warm, load_clients, load_opt.n_busy);
    struct usage from = server_usage();
    window.limit = load_opt.n_ops ? load_opt.n_ops : UINT64_MAX;
    window.deadline = load_opt.n_ops
                          ? UINT64_MAX
                          : clock_ns() + (uint64_t)(load_opt.seconds * 1e9);
    if (strcmp(load_opt.mode, "open") == 0) {
        load_open(&window, load_opt.rate);
    } else {
        load_closed(&window, load_clients, load_opt.n_busy);
    }
    print_window(&window, from, server_usage());
}

/* Answers each line on stdin with a window's line of JSON. */
static void measure_on_request(void)
{
    char line[16];

    printf("}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("{\"mode\": \"%s\"", load_opt.mode);
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
    poll(&in, 1, (int)(load_opt.seconds * 1e3));
}

/* The flood, and what both sides used for it. */
static void flood(void)
{
    struct usage from = server_usage();
    uint64_t begin = clock_ns();
    uint64_t n = load_flood();
    double seconds = (double)(clock_ns() - begin) / 1e9;
    struct usage to = server_usage();
    double pieces = (double)(n ? n : 1) / load_opt.size;

    printf(", \"echoed_bytes\": %llu, \"seconds\": %.4f, "
           "\"cpu_ns_per_op\": %.1f, \"load_ns_per_op\": %.1f, "
           "\"ops_per_s\": %.0f, \"cpu_share\": %.3f",
           (unsigned long long)n, seconds,
           (double)(to.cpu_ns - from.cpu_ns) / pieces,
           (double)(to.load_ns - from.load_ns) / pieces, pieces / seconds,
           (double)(to.cpu_ns - from.cpu_ns) / 1e9 / seconds);
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
        load_opt.n_conns = (uint32_t)atoi(optarg);
        break;
    case 'b':
        load_opt.n_busy = (uint32_t)atoi(optarg);
        break;
    case 'm':
        load_opt.size = (uint32_t)atoi(optarg);
        break;
    case 't':
        load_opt.seconds = atof(optarg);
        break;
    case 'o':
        load_opt.n_ops = strtoull(optarg, NULL, 10);
        break;
    case 'w':
        load_opt.warmup = atof(optarg);
        break;
    case 'p':
        load_opt.pid = (pid_t)atoi(optarg);
        break;
    case 'c':
        pin(atoi(optarg));
        break;
    case 'i':
        load_opt.interactive = true;
        break;
    case 'R':
        load_opt.rate = atof(optarg);
        break;
    case 'H':
        load_opt.http = true;
        client_speak_http();
        break;
    case 'r':
        load_opt.reset = true;
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

    for (int c; (c = getopt(argc, argv, "n:b:m:t:o:w:p:c:R:irH")) != -1;) {
        set_option(c);
    }
    if (argc - optind != 2 ||
        sscanf(argv[optind + 1], "%63[0-9.]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &load_opt.to.sin_addr) != 1 || port > 65535 ||
        load_opt.n_conns == 0 || load_opt.size == 0 ||
        load_opt.size > CLIENT_MAX_MESSAGE ||
        load_opt.n_busy > load_opt.n_conns ||
        (strcmp(argv[optind], "open") == 0 && load_opt.rate <= 0)) {
        fputs(usage, stderr);
        exit(2);
    }
    load_opt.mode = argv[optind];
    load_opt.to.sin_family = AF_INET;
    load_opt.to.sin_port = htons((uint16_t)port);
    load_opt.n_busy = load_opt.n_busy ? load_opt.n_busy : load_opt.n_conns;
    per_op_connection = strcmp(load_opt.mode, "connect") == 0 ||
                        strcmp(load_opt.mode, "flood") == 0;
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
    load_epfd = epoll_create1(EPOLL_CLOEXEC);
    struct usage before = server_usage();
    open_all();
    printf("{\"mode\": \"%s\", \"connections\": %u, \"busy\": %u, "
           "\"bytes\": %u",
           load_opt.mode, load_opt.n_conns, load_opt.n_busy, load_opt.size);
    print_memory(before, server_usage());
    if (strcmp(load_opt.mode, "idle") == 0) {
        hold();
        return 0;
    }
    if (load_opt.interactive) {
        measure_on_request();
        return 0;
    }
    if (strcmp(load_opt.mode, "flood") == 0) {
        flood();
    } else {
        measure();
    }
    printf("}\n");
    return 0;
}
