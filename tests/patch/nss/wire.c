/* SPDX-License-Identifier: MIT */
/*
 * A client that blocks: poll, then recv.
 */
#include "wire.h"

#include <poll.h>
#include <sys/socket.h>

static int server = -1;

__attribute__((visibility("default"))) void wire_connect(int fd)
{
    server = fd;
}

__attribute__((visibility("default"))) int wire_fd(void)
{
    return server;
}

__attribute__((visibility("default"))) int wire_ask(char letter)
{
    struct pollfd p = {.fd = server, .events = POLLIN};
    unsigned char answer;

    if (send(server, &letter, 1, 0) != 1 || poll(&p, 1, -1) != 1 ||
        recv(server, &answer, 1, 0) != 1) {
        return -1;
    }
    return answer;
}
