/* SPDX-License-Identifier: MIT */
/*
 * http_h2o - HTTP on libh2o: a fixed answer, or the files of a folder.
 *
 *   http_h2o HOST:PORT [DIR]
 *
 * h2o as a library, so that hello is a handler in C as it is for gev: one
 * thread, its own epoll loop, no access log, no compression, a minute of
 * keep-alive. Its parser is picohttpparser.
 */
#include "peers/listener.h"

#include <h2o.h>
#include <stdint.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t acceptor = {.ctx = &context};

static int hello(h2o_handler_t *self, h2o_req_t *req)
{
    static h2o_generator_t all_at_once = {NULL, NULL};
    static char text[] = "Hello, World!"; /* h2o's iovec has no const */
    h2o_iovec_t body = {text, sizeof text - 1};

    (void)self;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("text/plain"));
    h2o_start_response(req, &all_at_once);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    h2o_socket_t *peer;

    while (!error && (peer = h2o_evloop_socket_accept(listener))) {
        h2o_accept(&acceptor, peer);
    }
}

int main(int argc, char **argv)
{
    h2o_config_init(&config);
    config.http1.req_timeout = 65 * 1000;
    h2o_hostconf_t *host = h2o_config_register_host(
        &config, h2o_iovec_init(H2O_STRLIT("default")), UINT16_MAX);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    if (argc > 2) {
        h2o_file_register(path, argv[2], NULL, NULL, 0);
    } else {
        h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = hello;
    }
    h2o_context_init(&context, h2o_evloop_create(), &config);
    acceptor.hosts = config.hosts;
    h2o_socket_t *listener = h2o_evloop_socket_create(
        context.loop, listener_open(argc, argv), H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0) {
    }
    return 1;
}
