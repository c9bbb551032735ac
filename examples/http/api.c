/* SPDX-License-Identifier: MIT */
/* api [ADDR] - notes that are kept for a while, as JSON over HTTP:
   GET /notes, POST /notes {"text": ..., "seconds": ...}, GET, DELETE /notes/1 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "serve.h"

#define MAX_NOTES 1000

static json_t *notes; /* {"1": {"id": 1, "text": ..., "expires": ...}, ...} */
static int n_made;

/* Answers with a value, which is dropped. */
static int reply(struct gev_http *x, int code, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    int rc =
        text ? gev_http_reply(x, code, "application/json", text, strlen(text))
             : -1;

    free(text);
    json_decref(value);
    return rc;
}

static int refuse(struct gev_http *x, int code, const char *why)
{
    return reply(x, code, json_pack("{s:s}", "error", why));
}

/* Runs beside the handlers, in a greenlet of its own. */
static void *expire(void *arg)
{
    const char *id;
    json_t *note;
    void *next;

    while (gev_sleep(0.1) == 0) {
        json_object_foreach_safe(arg, next, id, note)
        {
            if (json_number_value(json_object_get(note, "expires")) <
                (double)time(NULL)) {
                json_object_del(arg, id);
            }
        }
    }
    return NULL;
}

static int list(struct gev_http *x, void *arg)
{
    return reply(x, 200, json_pack("{s:i,s:O}", "made", n_made, "notes", arg));
}

static int create(struct gev_http *x, void *arg)
{
    double secs = 3600;
    const char *text;
    char id[20], place[40];
    ssize_t n = gev_http_read_all(x, 64 << 10, &arg);

    if (n < 0) {
        return errno == EFBIG ? refuse(x, 413, "too long") : -1;
    }
    json_t *body = json_loadb(arg, (size_t)n, 0, NULL);
    if (json_unpack(body, "{s:s,s?F}", "text", &text, "seconds", &secs) < 0) {
        json_decref(body);
        return refuse(x, 400, "want {\"text\": string, \"seconds\": number}");
    }
    if (json_object_size(notes) >= MAX_NOTES) {
        json_decref(body);
        return refuse(x, 507, "no room");
    }
    json_t *note = json_pack("{s:i,s:s,s:f}", "id", ++n_made, "text", text,
                             "expires", (double)time(NULL) + secs);
    snprintf(id, sizeof id, "%d", n_made);
    snprintf(place, sizeof place, "/notes/%d", n_made);
    json_decref(body);
    json_object_set(notes, id, note);
    gev_http_set(x, "Location", place);
    return reply(x, 201, note);
}

/* GET and DELETE /notes/ID */
static int one(struct gev_http *x, void *arg)
{
    const char *id = gev_http_path(x) + strlen("/notes/");
    json_t *note = json_object_get(arg, id);

    if (!note) {
        return refuse(x, 404, "no such note");
    }
    if (strcmp(gev_http_method(x), "DELETE") == 0) {
        json_object_del(arg, id);
        return gev_http_reply(x, 204, NULL, NULL, 0);
    }
    return reply(x, 200, json_incref(note));
}

int main(int argc, char **argv)
{
    struct gev_http_mux *mux = gev_http_mux_new();
    notes = json_object();
    struct gev_http_server *s =
        gev_http_server_new(NULL, gev_http_mux_handler, mux, NULL);

    if (!s || !notes ||
        gev_http_mux_add(mux, "GET", "/notes", list, notes) < 0 ||
        gev_http_mux_add(mux, "POST", "/notes", create, NULL) < 0 ||
        gev_http_mux_add(mux, "GET", "/notes/", one, notes) < 0 ||
        gev_http_mux_add(mux, "DELETE", "/notes/", one, notes) < 0 ||
        gev_go(expire, notes) < 0) {
        return serve_fail("api", "cannot start");
    }
    return serve("api", s, argc > 1 ? argv[1] : "127.0.0.1:8080", 5);
}
