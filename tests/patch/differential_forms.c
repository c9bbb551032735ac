/* SPDX-License-Identifier: MIT */
/*
 * differential: other forms of read, write and sleep
 */
#include "differential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <threads.h>
#include <time.h>

static void test_eventfd(void)
{
    int fd = eventfd(0, 0), other = open("/dev/null", O_RDWR);
    eventfd_t value = 0;

    LATER(eventfd_write(fd, 7));
    SHOW(eventfd_read(fd, &value));
    SHOW(value);
    reap();
    SHOW(eventfd_write(fd, UINT64_MAX - 1)); /* the most that fits */
    LATER(eventfd_read(fd, &value));
    SHOW(eventfd_write(fd, 1));
    SHOW(eventfd_read(fd, &value));
    SHOW(value);
    reap();
    SHOW(eventfd_write(fd, UINT64_MAX));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    SHOW(eventfd_read(fd, &value));
    SHOW(eventfd_read(other, &value)); /* not eight bytes */
    SHOW(eventfd_write(other, 1));
    close(fd);
    SHOW(eventfd_read(fd, &value));
    SHOW(eventfd_write(fd, 1));
    close(other);
}

void test_forms(void)
{
    struct timespec t = {0, LONG * 2 * 1000000L}, none = {0, 0};
    struct timespec wrong = {0, -1};

    test_eventfd();
    SHOW(thrd_sleep(&t, &t));
    SHOW(t.tv_nsec);
    SHOW(thrd_sleep(&none, NULL));
    SHOW(thrd_sleep(&wrong, NULL));
}
