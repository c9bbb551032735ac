/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls whose work is done in a thread: while another job has the only
 * thread they wait
 */
#include "offload.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sync/every_wait.h"

static struct gev_greenlet *occupier; /* waits for the job at the gate */
static int file;

static void *occupy(void *arg)
{
    (void)gev_offload(wait_at_gate, NULL, 0);
    return arg;
}

static void begin_thread(void)
{
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    n_begun = 0;
    assert_int_equal(gev_offload_set_size(1), 0);
    file = memfd_create("every_wait", MFD_CLOEXEC);
    assert_true(file >= 0);
    occupier = gev_spawn(occupy, NULL);
    until(&n_begun, 1);
}

static void release_thread(void)
{
    open_gate(1);
}

static void end_thread(void)
{
    finish(occupier);
    assert_int_equal(close(file), 0);
    assert_int_equal(sem_destroy(&gate), 0);
}

static long offload_call(double timeout)
{
    struct sum s = {.a = 40, .b = 2};
    int rc = gev_offload(add, &s, sizeof s);

    (void)timeout;
    return rc < 0 || s.result == 42 ? rc : 4711;
}

static long file_open_call(double timeout)
{
    int fd = gev_file_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);

    (void)timeout;
    return fd < 0 ? -1 : close(fd);
}

/* Whatever it returns, the descriptor is closed; on the hub it is not. */
static long file_close_call(double timeout)
{
    int fd = dup(file);
    int rc = gev_file_close(fd);

    (void)timeout;
    if (rc < 0 && errno == EPERM) {
        (void)close(fd);
        errno = EPERM;
    }
    return rc;
}

static long file_stat_call(double timeout)
{
    struct stat st;

    (void)timeout;
    return gev_file_stat("/", &st);
}

static long file_fstat_call(double timeout)
{
    struct stat st;

    (void)timeout;
    return gev_file_fstat(file, &st);
}

static long file_fsync_call(double timeout)
{
    (void)timeout;
    return gev_file_fsync(file);
}

static long file_fdatasync_call(double timeout)
{
    (void)timeout;
    return gev_file_fdatasync(file);
}

static long file_pread_call(double timeout)
{
    char buf[8];

    (void)timeout;
    return gev_file_pread(file, buf, sizeof buf, 0);
}

static long file_pwrite_call(double timeout)
{
    (void)timeout;
    return gev_file_pwrite(file, "1234567", 8, 0);
}

/* As the other calls fail: -1 with errno. */
static long from_eai(int rc)
{
    if (rc == EAI_MEMORY) {
        errno = ENOMEM;
    }
    return rc ? -1 : 0;
}

static long getaddrinfo_call(double timeout)
{
    struct addrinfo *list;
    int rc = gev_getaddrinfo("localhost", "80", NULL, &list);

    (void)timeout;
    if (rc == 0) {
        gev_freeaddrinfo(list);
    }
    return from_eai(rc);
}

static long getnameinfo_call(double timeout)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char host[NI_MAXHOST];

    (void)timeout;
    return from_eai(gev_getnameinfo((struct sockaddr *)&sa, sizeof sa, host,
                                    sizeof host, NULL, 0, 0));
}

const struct wait_row waits_of_thread[] = {
    WAIT_ROW(offload, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_open, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_close, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_stat, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_fstat, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_fsync, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_pread, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_fdatasync, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(file_pwrite, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(getaddrinfo, false, begin_thread, release_thread, end_thread),
    WAIT_ROW(getnameinfo, false, begin_thread, release_thread, end_thread),
    {0},
};
