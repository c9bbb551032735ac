/* SPDX-License-Identifier: MIT */
/*
 * load_flood - one connection that always has data: greedy beside others, or
 * alone as one long stream.
 */
#include "load.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

uint64_t load_flood(void)
{
    static char out[CLIENT_MAX_MESSAGE], in[CLIENT_MAX_MESSAGE];
    uint64_t end = clock_ns() + (uint64_t)(load_opt.seconds * 1e9);
    uint64_t n_echoed = 0;
    struct client *c = &load_clients[0];

    memset(out, 'y', sizeof out);
    client_connect(c, load_epfd, &load_opt.to, true);
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN | POLLOUT};
    while (clock_ns() < end && poll(&pfd, 1, 1000) >= 0) {
        if (pfd.revents & POLLOUT) {
            send(pfd.fd, out, load_opt.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        ssize_t n = recv(pfd.fd, in, load_opt.size, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN) ||
            (n > 0 && memcmp(in, out, (size_t)n) != 0)) {
            fprintf(stderr, "load: flood: wrong byte or hang-up\n");
            exit(1);
        }
        n_echoed += n > 0 ? (uint64_t)n : 0;
    }
    return n_echoed;
}
