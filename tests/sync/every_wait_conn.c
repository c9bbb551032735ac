/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls that last: connecting, moving bytes, children, many tasks
 */
#include "hub/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/sock.h"
#include "sync/every_wait.h"

/* A UNIX listener whose backlog is full: one that connects has to wait. */
static int listener, filler[8], n_fillers;
static struct sockaddr_un sun;
static socklen_t sun_len;
static char address[64];

static void begin_backlog(void)
{
    int rc = 0;

    sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address, sizeof address, "unix:@gev-every-wait-%ld",
             (long)getpid());
    strcpy(sun.sun_path + 1, address + 6);
    sun_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                          strlen(address) - 5);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&sun, sun_len), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (n_fillers = 0; rc == 0 && n_fillers < 8; n_fillers++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        rc = connect(fd, (struct sockaddr *)&sun, sun_len);
        filler[n_fillers] = fd;
    }
    assert_int_equal(rc, -1);
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        assert_int_equal(close(fd), 0);
    }
}

static void end_backlog(void)
{
    assert_int_equal(close(listener), 0);
    while (n_fillers > 0) {
        assert_int_equal(close(filler[--n_fillers]), 0);
    }
}

static long connect_call(double timeout)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = gev_connect(fd, (struct sockaddr *)&sun, sun_len);
    int err = errno;

    (void)timeout;
    (void)gev_close(fd);
    errno = err;
    return rc;
}

static long dial_call(double timeout)
{
    int fd = gev_dial(address, timeout);

    return fd < 0 ? -1 : gev_close(fd);
}

/* Two pairs of sockets; we relay between the firsts of them. */
static int a[2], b[2];

static void begin_pairs(void)
{
    sock_pair(a, true);
    sock_pair(b, true);
}

static void end_of_both(void)
{
    assert_int_equal(shutdown(a[1], SHUT_WR), 0);
    assert_int_equal(shutdown(b[1], SHUT_WR), 0);
}

static void end_pairs(void)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gev_close(a[i]), 0);
        assert_int_equal(gev_close(b[i]), 0);
    }
}

static long relay_call(double timeout)
{
    (void)timeout;
    return gev_relay(a[0], b[0], 0, NULL);
}

static long relay_both_call(double timeout)
{
    return gev_relay_both(a[0], b[0], timeout, NULL);
}

/* Children that end when their input does. */
static const char *const cat[] = {"cat", NULL};
static int input[2];
static struct gev_process *process;

static struct gev_process_options from_input(void)
{
    return (struct gev_process_options){.size =
                                            sizeof(struct gev_process_options),
                                        .in = input[0],
                                        .out = GEV_PROCESS_PIPE};
}

static void begin_input(void)
{
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
}

static void end_input(void)
{
    assert_int_equal(close(input[1]), 0);
    input[1] = -1;
}

static void close_input(void)
{
    assert_int_equal(close(input[0]), 0);
}

static long process_run_call(double timeout)
{
    struct gev_process_options opt = from_input();
    struct gev_process_io io = {.size = sizeof io};
    int rc = gev_process_run(cat, &opt, &io, timeout);
    int err = errno;

    free(io.out);
    errno = err;
    return rc;
}

static void begin_process(void)
{
    struct gev_process_options opt;

    begin_input();
    opt = from_input();
    process = gev_process_new(cat, &opt);
    assert_non_null(process);
}

static void end_process(void)
{
    gev_process_free(process);
    close_input();
}

static long process_communicate_call(double timeout)
{
    struct gev_process_io io = {.size = sizeof io};
    int rc = gev_process_communicate(process, &io, timeout);
    int err = errno;

    free(io.out);
    errno = err;
    return rc;
}

/* Tasks that end when an event is set. */
static struct gev_event *event;
static struct gev_group *group;
static struct gev_imap *imap;
static bool given;

static void *wait_event(void *arg)
{
    if (gev_event_wait(arg, GEV_FOREVER) < 0) {
        return gev_fail(errno);
    }
    return arg;
}

static void *wait_deaf(void *arg)
{
    (void)gev_shield_begin();
    (void)gev_event_wait(arg, GEV_FOREVER);
    (void)gev_shield_end();
    return arg;
}

static void begin_event(void)
{
    event = gev_event_new();
    assert_non_null(event);
}

static void set_event(void)
{
    assert_int_equal(gev_event_set(event), 0);
}

static void end_event(void)
{
    assert_int_equal(gev_event_free(event), 0);
}

static long map_call(double timeout)
{
    void *v[] = {event, event};

    (void)timeout;
    return gev_map(NULL, wait_event, v, 2, NULL);
}

static void begin_group(void)
{
    begin_event();
    group = gev_group_new(0);
    assert_int_equal(gev_group_go(group, wait_deaf, event), 0);
    assert_int_equal(gev_yield(), 0);
}

static void end_group(void)
{
    assert_int_equal(gev_group_free(group), 0);
    end_event();
}

/* A limit of 0 does not wait: it kills, and succeeds. */
static long group_kill_call(double timeout)
{
    return gev_group_kill(group, timeout);
}

static int give_once(void *arg, void **ret_item)
{
    *ret_item = arg;
    given = !given;
    return given;
}

static void begin_imap(void)
{
    begin_event();
    given = false;
    imap = gev_imap_new(NULL, wait_event, give_once, event, 0);
    assert_non_null(imap);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_yield(), 0); /* it and its task begin */
    }
}

static void end_imap(void)
{
    assert_int_equal(gev_imap_free(imap), 0);
    end_event();
}

static long imap_next_call(double timeout)
{
    return gev_imap_next(imap, NULL, NULL, timeout);
}

const struct wait_row waits_of_conn[] = {
    WAIT_ROW(connect, false, begin_backlog, accept_all, end_backlog),
    WAIT_ROW(dial, true, begin_backlog, accept_all, end_backlog),
    WAIT_ROW(relay, false, begin_pairs, end_of_both, end_pairs),
    WAIT_ROW(relay_both, true, begin_pairs, end_of_both, end_pairs),
    WAIT_ROW(process_run, true, begin_input, end_input, close_input),
    WAIT_ROW(process_communicate, true, begin_process, end_input, end_process),
    WAIT_ROW(map, false, begin_event, set_event, end_event),
    WAIT_ROW(group_kill, false, begin_group, set_event, end_group),
    WAIT_ROW(imap_next, true, begin_imap, set_event, end_imap),
    {0},
};
