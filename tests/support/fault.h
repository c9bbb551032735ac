/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: the k-th allocation or system call fails
 *
 * A test that includes this is linked with fault_link_args (see meson.build
 * here). Calls made by gev's and the test's own objects then pass through
 * fault.c; those inside libc, libev and cmocka do not. Counters and the armed
 * fault belong to the calling thread.
 *
 * The usual loop fails every call that an operation makes, one per round:
 *
 *      for (long k = 1;; k++) {
 *          fault_arm(FAULT_ALLOC, k, ENOMEM);
 *          int r = operation();
 *          if (!fault_disarm()) {
 *              break;              // fewer than k calls: every one was tried
 *          }
 *          assert_int_equal(r, -1);
 *      }
 */
#ifndef TESTS_SUPPORT_FAULT_H
#define TESTS_SUPPORT_FAULT_H

#include <stdbool.h>

enum {
    FAULT_HEAP = 1U << 0,      /* malloc calloc realloc aligned_alloc
                                 posix_memalign strdup strndup */
    FAULT_MMAP = 1U << 1,      /* mmap */
    FAULT_MPROTECT = 1U << 2,  /* mprotect */
    FAULT_MADVISE = 1U << 3,   /* madvise */
    FAULT_READ = 1U << 4,      /* read readv */
    FAULT_WRITE = 1U << 5,     /* write writev */
    FAULT_RECV = 1U << 6,      /* recv recvfrom recvmsg */
    FAULT_SEND = 1U << 7,      /* send sendto sendmsg */
    FAULT_ACCEPT = 1U << 8,    /* accept accept4 */
    FAULT_CONNECT = 1U << 9,   /* connect */
    FAULT_SOCKET = 1U << 10,   /* socket socketpair */
    FAULT_BIND = 1U << 11,     /* bind */
    FAULT_LISTEN = 1U << 12,   /* listen */
    FAULT_CLOSE = 1U << 13,    /* close; the fd is closed all the same */
    FAULT_FCNTL = 1U << 14,    /* fcntl */
    FAULT_EPOLL = 1U << 15,    /* epoll_ctl */
    FAULT_EVENTFD = 1U << 16,  /* eventfd */
    FAULT_SOCKOPT = 1U << 17,  /* getsockopt setsockopt */
    FAULT_NAME = 1U << 18,     /* getsockname getpeername */
    FAULT_SHUTDOWN = 1U << 19, /* shutdown */
    FAULT_SENDFILE = 1U << 20, /* sendfile */
    FAULT_POLL = 1U << 21,     /* poll select */
    FAULT_OPEN = 1U << 22,     /* open pipe2 dup dup3 epoll_create1 */
    FAULT_IOCTL = 1U << 23,    /* ioctl */
    FAULT_FORK = 1U << 24,     /* fork; posix_spawn posix_spawnp, which give err
                                 as their result */
    FAULT_THREAD = 1U << 25,   /* pthread_create; gives err as its result */
    FAULT_RLIMIT = 1U << 26,   /* getrlimit setrlimit */
    FAULT_SIGNAL = 1U << 27,   /* sigaction sigaltstack */
    FAULT_STAT = 1U << 28,     /* fstat lstat */
    FAULT_UNLINK = 1U << 29,   /* unlink */
    FAULT_PIDFD = 1U << 30,    /* pidfd_open */
    FAULT_SPLICE = 1U << 30,   /* splice */

    FAULT_ALLOC = FAULT_HEAP | FAULT_MMAP,
};

/**
 * fault_arm() - make one coming call fail
 * @kinds: FAULT_… bits; calls of any of them count
 * @k:     which one, from 1
 * @err:   the errno it fails with
 *
 * Sets the counters to 0 and replaces a fault that is armed. The failing call
 * is not made (except close); the ones after it go through again.
 */
void fault_arm(unsigned kinds, long k, int err);

/**
 * fault_arm_from() - make one coming call and all after it fail
 *
 * As fault_arm(), until fault_disarm().
 */
void fault_arm_from(unsigned kinds, long k, int err);

/**
 * fault_disarm() - let all calls through again
 *
 * Return:  whether a call was made to fail since it was armed
 */
bool fault_disarm(void);

/**
 * fault_count() - calls of @kinds made since fault_arm() or fault_count_reset()
 *
 * Failed ones count. With nothing armed it still counts, so it can show that
 * a path allocates nothing.
 */
long fault_count(unsigned kinds);

/**
 * fault_count_reset() - start counting at 0; what is armed stays armed
 */
void fault_count_reset(void);

#endif /* TESTS_SUPPORT_FAULT_H */
