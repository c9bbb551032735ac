/* SPDX-License-Identifier: MIT */
/*
 * The monitor: a thread that looks every half limit whether the hub's counters
 * have moved. The hub does nothing for it but to count, as ever, and to say when
 * it is in epoll_wait(2).
 *
 * Happy path: nothing has moved for the limit, and the hub is not asleep: the
 * probe interrupts its thread; frames get names here, not there; one report.
 *
 * Failure modes: it has moved by the time the handler runs (no report); the
 * thread does not answer (a report without frames); this very thread was late
 * itself, since the process was stopped or the machine is overloaded (nobody is
 * to blame: it counts anew); one hog after the other (told once a second, later
 * once a minute, with their number); no memory for run info (the report says
 * less).
 */
#include <gev/monitor.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ret.h"
#include "hub/libdw.h"
#include "hub/part.h"
#include "hub/probe.h"
#include "hub/runinfo.h"

#define MIN_PERIOD   0.001 /* seconds between looks */
#define MAX_PERIOD   1.0
#define GROWTH       10.0 /* told again when it has lasted so much longer */
#define MIN_QUIET    1.0  /* seconds without reports after one … */
#define MAX_QUIET    60.0 /* … doubling until here */
#define RSS_PERIOD   1.0  /* seconds between looks at memory */
#define RSS_CLEARED  0.9  /* of the limit: then it may be reported again */
#define THREAD_STACK ((size_t)1 << 20)

struct monitor {
    struct gev__part part;
    struct gev__hub *hub;
    struct gev_hub *remote; /* to ask for run info; NULL without max_rss */
    struct gev_monitor_options options;
    double limit;
    double period;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows … */
    pthread_cond_t told;  /* … and told when it changes */
    bool stop;
    char *info; /* run info from the hub, to be reported, or NULL */
    /* of the monitor's thread alone, from here on */
    struct gev__probe probe;
    uint64_t beat;      /* the counters as last seen … */
    double since;       /* … and when they were first seen so */
    double next;        /* report when it has lasted so long */
    double quiet;       /* how long to be quiet after the next report */
    double quiet_until; /* only count until then */
    unsigned n_passed;  /* counted meanwhile */
    double rss_at;      /* when to look at memory next */
    size_t rss;         /* as it was when it was too much */
    bool rss_told;      /* it was, and has been reported */
};

static const struct gev__part_kind kind;

static double clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void report(const struct monitor *m, const char *text)
{
    if (m->options.report) {
        m->options.report(text, m->options.arg);
    } else {
        gev__to_stderr(text, NULL);
    }
}

static void print_who(FILE *out, const struct gev__probe *p)
{
    if (p->is_hub) {
        (void)fputs("a callback", out);
    } else if (p->name[0] || p->is_main) {
        (void)fprintf(out, "greenlet %u \"%s\"", p->id,
                      p->name[0] ? p->name : "main");
    } else {
        (void)fprintf(out, "greenlet %u", p->id);
    }
}

static void print_hog(FILE *out, struct monitor *m, double held, bool answered)
{
    struct gev__libdw *dw;

    (void)fputs("gev: ", out);
    if (answered) {
        print_who(out, &m->probe);
    } else {
        (void)fputs("something", out);
    }
    (void)fprintf(out, " has kept the hub for %.2f s (limit %.2f s)", held,
                  m->limit);
    if (m->n_passed) {
        (void)fprintf(out, "; %u more since the last report", m->n_passed);
    }
    if (!answered) {
        (void)fprintf(out, "; its thread does not take signal %d\n",
                      m->options.signo);
        return;
    }
    (void)fputc('\n', out);
    dw = gev__libdw_open();
    gev__print_trace(dw, out, &m->probe.trace, 4);
    gev__libdw_close(dw);
}

static void report_hog(struct monitor *m, double held, bool answered)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out) {
        print_hog(out, m, held, answered);
        (void)fclose(out); /* cut short it still says something */
    }
    report(m, text ? text : "gev: the hub is kept; no memory to say by whom\n");
    free(text);
    m->n_passed = 0;
}

/* Nobody keeps it, or not any more. */
static void begin_anew(struct monitor *m, uint64_t beat, double now)
{
    m->beat = beat;
    m->since = now;
    m->next = m->limit;
}

/* May this one be reported? If not it is counted. */
static bool may_report(struct monitor *m, double now)
{
    if (m->next > m->limit) {
        return true; /* the same as before, ten times as long */
    }
    if (now < m->quiet_until) {
        m->n_passed++;
        m->next = INFINITY;
        return false;
    }
    if (now > m->quiet_until + m->quiet) {
        m->quiet = MIN_QUIET; /* it was calm for a while */
    }
    m->quiet_until = now + m->quiet;
    m->quiet = fmin(2 * m->quiet, MAX_QUIET);
    return true;
}

static void check_hog(struct monitor *m, double now)
{
    const struct gev__hub *hub = m->hub;
    uint64_t beat = gev__hub_beat(hub);
    int rc;

    if (beat != m->beat ||
        __atomic_load_n(&hub->loop.asleep, __ATOMIC_RELAXED) ||
        __atomic_load_n(&hub->core->n_alive, __ATOMIC_RELAXED) == 0) {
        begin_anew(m, beat, now);
        return;
    }
    if (now - m->since < m->next || !may_report(m, now)) {
        return;
    }
    rc = gev__probe_take(&m->probe, beat);
    if (rc == 0) {
        begin_anew(m, gev__hub_beat(hub), clock_now());
        return;
    }
    m->next = GROWTH * (now - m->since);
    report_hog(m, now - m->since, rc > 0);
}

/* Resident bytes of this process; 0 if that cannot be read. */
static size_t read_rss(void)
{
    char buf[64];
    unsigned long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0) {
        return 0;
    }
    n = read(fd, buf, sizeof buf - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    buf[n] = '\0';
    if (sscanf(buf, "%*u %lu", &pages) != 1) {
        return 0;
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void report_rss(struct monitor *m, const char *info)
{
    char line[160];

    (void)snprintf(line, sizeof line,
                   "gev: memory: %.1f MiB are resident (limit %.1f MiB)%s\n",
                   (double)m->rss / 1048576,
                   (double)m->options.max_rss / 1048576,
                   info ? "; what runs:" : "");
    report(m, line);
    if (info) {
        report(m, info);
    }
}

/* On the hub: gives the monitor's thread what it asked for. */
static void give_info(void *arg)
{
    struct gev__hub *hub = arg;
    struct gev__part *p = gev__part_find(hub, &kind);
    struct monitor *m = p ? GEV__CONTAINER(p, struct monitor, part) : NULL;
    char *text;
    size_t len;

    if (!m || gev__run_info(hub, true, 0, &text, &len) < 0) {
        return;
    }
    pthread_mutex_lock(&m->lock);
    free(m->info);
    m->info = text;
    pthread_cond_signal(&m->told);
    pthread_mutex_unlock(&m->lock);
}

static void check_rss(struct monitor *m, double now)
{
    size_t rss;

    if (!m->options.max_rss || now < m->rss_at) {
        return;
    }
    m->rss_at = now + RSS_PERIOD;
    rss = read_rss();
    if ((double)rss < RSS_CLEARED * (double)m->options.max_rss) {
        m->rss_told = false;
    }
    if (rss <= m->options.max_rss || m->rss_told) {
        return;
    }
    m->rss_told = true;
    m->rss = rss;
    if (gev_call_threadsafe(m->remote, give_info, m->hub) < 0) {
        report_rss(m, NULL);
    }
}

/* Sleeps for a period, or until there is something to do. False: to stop. */
static bool wait_period(struct monitor *m, char **ret_info)
{
    double at = clock_now() + m->period;
    struct timespec until = {.tv_sec = (time_t)at,
                             .tv_nsec = (long)(fmod(at, 1) * 1e9)};
    bool stop;
    int rc = 0;

    pthread_mutex_lock(&m->lock);
    while (!m->stop && !m->info && rc == 0) {
        rc = pthread_cond_timedwait(&m->told, &m->lock, &until);
    }
    stop = m->stop;
    *ret_info = m->info;
    m->info = NULL;
    pthread_mutex_unlock(&m->lock);
    return !stop;
}

static void *monitor_main(void *arg)
{
    struct monitor *m = arg;
    double last = clock_now();
    char *info;

    begin_anew(m, gev__hub_beat(m->hub), last);
    check_rss(m, last);
    while (wait_period(m, &info)) {
        double now = clock_now();

        if (info) {
            report_rss(m, info);
            free(info);
            now = clock_now();
        } else if (now - last > 2 * m->period + MIN_PERIOD) {
            begin_anew(m, gev__hub_beat(m->hub), now); /* we were late */
        }
        check_hog(m, now);
        check_rss(m, now);
        last = clock_now();
    }
    free(info);
    return NULL;
}

static int start_thread(struct monitor *m)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t former;
    int rc = pthread_attr_init(&attr);

    if (rc != 0) {
        return -rc;
    }
    sigfillset(&all);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &former); /* they are not for it */
    rc = pthread_create(&m->thread, &attr, monitor_main, m);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0) {
        pthread_setname_np(m->thread, "gev-monitor");
    }
    return -rc;
}

static void free_monitor(struct monitor *m)
{
    pthread_cond_destroy(&m->told);
    pthread_mutex_destroy(&m->lock);
    gev_hub_put(m->remote);
    free(m->info);
    free(m);
}

static void init_lock(struct monitor *m)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->told, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&m->lock, NULL);
}

static int start(struct gev__hub *hub, double limit,
                 const struct gev_monitor_options *o)
{
    struct monitor *m = calloc(1, sizeof *m);
    int rc;

    if (!m) {
        return -ENOMEM;
    }
    m->hub = hub;
    m->limit = limit;
    m->period = fmax(MIN_PERIOD, fmin(limit / 2, MAX_PERIOD));
    m->quiet = MIN_QUIET;
    m->options = *o;
    init_lock(m);
    if (o->max_rss) {
        m->remote = gev_hub_get();
        if (!m->remote) {
            rc = -errno;
            goto err_free;
        }
    }
    rc = gev__probe_open(hub, &m->probe, m->options.signo);
    if (rc < 0) {
        goto err_free;
    }
    gev__loop_watch_sleep(&hub->loop, true);
    gev__part_add(hub, &m->part, &kind);
    rc = start_thread(m);
    if (rc == 0) {
        return 0;
    }
    gev__list_remove(&m->part.link);
    gev__loop_watch_sleep(&hub->loop, false);
    gev__probe_close(hub, &m->probe);
err_free:
    free_monitor(m);
    return rc;
}

/* What the caller knows of the options, and defaults for the rest. */
static int read_options(const struct gev_monitor_options *o,
                        struct gev_monitor_options *ret)
{
    *ret = (struct gev_monitor_options){0};
    if (o && (o->size < sizeof o->size || o->size > 4096)) {
        return -EINVAL;
    }
    if (o) {
        memcpy(ret, o, o->size < sizeof *ret ? o->size : sizeof *ret);
    }
    ret->signo = ret->signo ? ret->signo : SIGURG;
    return 0;
}

int gev_monitor_start(double max_blocking,
                      const struct gev_monitor_options *options)
{
    struct gev_monitor_options o;
    struct gev__hub *hub;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !(max_blocking > 0)) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = read_options(options, &o);
    }
    if (rc == 0 && gev__part_find(hub, &kind)) {
        rc = -EBUSY;
    }
    if (rc == 0) {
        rc = start(hub, max_blocking, &o);
        errno = saved_errno;
    }
    return (int)gev__ret(rc);
}

/* The hub ends, or gev_monitor_stop(). */
static void end(struct gev__part *p)
{
    struct monitor *m = GEV__CONTAINER(p, struct monitor, part);

    gev__list_remove(&p->link);
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_signal(&m->told);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    gev__loop_watch_sleep(&m->hub->loop, false);
    gev__probe_close(m->hub, &m->probe);
    free_monitor(m);
}

/* The thread is the parent's, and so is whatever it held. */
static void forked(struct gev__part *p)
{
    struct monitor *m = GEV__CONTAINER(p, struct monitor, part);

    gev__list_remove(&p->link);
    gev__loop_watch_sleep(&m->hub->loop, false);
    gev__probe_forget(m->hub, &m->probe);
    init_lock(m);
    free_monitor(m);
}

static const struct gev__part_kind kind = {.end = end, .fork = forked};

int gev_monitor_stop(void)
{
    struct gev__hub *hub;
    struct gev__part *p;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    p = gev__part_find(hub, &kind);
    if (!p) {
        return (int)gev__ret(-EINVAL);
    }
    end(p);
    errno = saved_errno;
    return 0;
}
