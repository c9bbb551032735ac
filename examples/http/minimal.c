/* SPDX-License-Identifier: MIT */
/* minimal [ADDR] - an HTTP server that says hello */
#include <stdio.h>

#include <gev.h>

static int hello(struct gev_http *x, void *arg)
{
    (void)arg;
    return gev_http_reply(x, 200, "text/plain", "Hello, World!\n", 14);
}

int main(int argc, char **argv)
{
    struct gev_http_server *s = gev_http_server_new(
        argc > 1 ? argv[1] : "127.0.0.1:8080", hello, NULL, NULL);

    if (!s || gev_http_server_stop_on_signals(s, 5) < 0) {
        perror("minimal");
        return 1;
    }
    return gev_http_server_run(s) < 0; /* until SIGINT or SIGTERM */
}
