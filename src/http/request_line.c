/* SPDX-License-Identifier: MIT */
/*
 * The request line, RFC 9112 3: method SP request-target SP HTTP-version
 *
 * One space each, nothing before or behind: a recipient MAY be lenient here,
 * and those that are read different targets from one line. The version is
 * looked at before the method, so that HTTP/2's preface gets its 505.
 */
#include "http/request_line.h"

#include "http/chars.h"
#include "http/head.h"
#include "http/host.h"

enum { MAX_METHOD = 32, VERSION_LEN = sizeof "HTTP/1.1" - 1 };

struct method {
    const char *name;
    uint8_t len;
    uint8_t id; /* enum gev__http_method */
};

#define METHOD(name, id)                                                       \
    {                                                                          \
        (name), sizeof(name) - 1, (id)                                         \
    }

/* What llhttp 8 takes in a request of HTTP; frequent ones first. */
static const struct method methods[] = {
    METHOD("GET", GEV__HTTP_GET),
    METHOD("POST", GEV__HTTP_POST),
    METHOD("HEAD", GEV__HTTP_HEAD),
    METHOD("PUT", GEV__HTTP_PUT),
    METHOD("DELETE", GEV__HTTP_DELETE),
    METHOD("OPTIONS", GEV__HTTP_OPTIONS),
    METHOD("PATCH", GEV__HTTP_PATCH),
    METHOD("TRACE", GEV__HTTP_TRACE),
    METHOD("CONNECT", GEV__HTTP_CONNECT),
    METHOD("ACL", GEV__HTTP_OTHER),
    METHOD("BIND", GEV__HTTP_OTHER),
    METHOD("CHECKOUT", GEV__HTTP_OTHER),
    METHOD("COPY", GEV__HTTP_OTHER),
    METHOD("LINK", GEV__HTTP_OTHER),
    METHOD("LOCK", GEV__HTTP_OTHER),
    METHOD("M-SEARCH", GEV__HTTP_OTHER),
    METHOD("MERGE", GEV__HTTP_OTHER),
    METHOD("MKACTIVITY", GEV__HTTP_OTHER),
    METHOD("MKCALENDAR", GEV__HTTP_OTHER),
    METHOD("MKCOL", GEV__HTTP_OTHER),
    METHOD("MOVE", GEV__HTTP_OTHER),
    METHOD("NOTIFY", GEV__HTTP_OTHER),
    METHOD("PROPFIND", GEV__HTTP_OTHER),
    METHOD("PROPPATCH", GEV__HTTP_OTHER),
    METHOD("PURGE", GEV__HTTP_OTHER),
    METHOD("REBIND", GEV__HTTP_OTHER),
    METHOD("REPORT", GEV__HTTP_OTHER),
    METHOD("SEARCH", GEV__HTTP_OTHER),
    METHOD("SOURCE", GEV__HTTP_OTHER),
    METHOD("SUBSCRIBE", GEV__HTTP_OTHER),
    METHOD("UNBIND", GEV__HTTP_OTHER),
    METHOD("UNLINK", GEV__HTTP_OTHER),
    METHOD("UNLOCK", GEV__HTTP_OTHER),
    METHOD("UNSUBSCRIBE", GEV__HTTP_OTHER),
};

static const struct method *find_method(const char *p, size_t len)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].len == len && memcmp(methods[i].name, p, len) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

static struct gev__http_span span(const char *buf, const char *p,
                                  const char *end)
{
    return (struct gev__http_span){(uint32_t)(p - buf), (uint32_t)(end - p)};
}

/* path [ "?" query ] */
static void split_path(struct gev__http_head *h, const char *p, const char *end)
{
    const char *mark = memchr(p, '?', (size_t)(end - p));

    h->path = span(h->buf, p, mark ? mark : end);
    h->query = span(h->buf, mark ? mark + 1 : end, end);
}

/* Does the target begin with @scheme, in whatever case? */
static bool has_scheme(const char *p, const char *end, const char *scheme)
{
    size_t len = strlen(scheme);

    return (size_t)(end - p) >= len && gev__ch_equal(p, scheme, len);
}

static int absolute_form(struct gev__http_head *h, const char *p,
                         const char *end)
{
    bool https = has_scheme(p, end, "https://");
    const char *host = p + (https ? 8 : 7);

    if (!https && !has_scheme(p, end, "http://")) {
        return gev__http_head_refuse(h, 400, "a target of no known form");
    }
    const char *path = host;
    while (path < end && *path != '/' && *path != '?') {
        path++;
    }
    if (!gev__http_host_valid(host, (size_t)(path - host), false)) {
        return gev__http_head_refuse(h, 400, "a bad host in the target");
    }
    if (https && !h->secure) { /* RFC 9110 7.4: a MUST */
        return gev__http_head_refuse(h, 421, "https over a plain connection");
    }
    h->form = GEV__HTTP_ABSOLUTE;
    h->host = span(h->buf, host, path);
    split_path(h, path, end);
    return 0;
}

static int read_target(struct gev__http_head *h, const char *p, const char *end)
{
    h->target = span(h->buf, p, end);
    if (h->method == GEV__HTTP_CONNECT) {
        return gev__http_host_valid(p, (size_t)(end - p), true)
                   ? gev__http_head_refuse(h, 501, "CONNECT")
                   : gev__http_head_refuse(h, 400, "a bad CONNECT target");
    }
    if (*p == '/') {
        h->form = GEV__HTTP_ORIGIN;
        split_path(h, p, end);
        return 0;
    }
    if (end - p == 1 && *p == '*' && h->method == GEV__HTTP_OPTIONS) {
        h->form = GEV__HTTP_ASTERISK;
        split_path(h, p, end);
        return 0;
    }
    return absolute_form(h, p, end);
}

/* "HTTP/" DIGIT "." DIGIT. RFC 9110 2.5: a higher minor version is to be taken
 * as the highest one known; another major version is another protocol. */
static int read_version(struct gev__http_head *h, char *p, const char *end)
{
    if (end - p != VERSION_LEN || memcmp(p, "HTTP/", 5) != 0 ||
        !gev__ch_is(p[5], GEV__CH_DIGIT) || p[6] != '.' ||
        !gev__ch_is(p[7], GEV__CH_DIGIT)) {
        return gev__http_head_refuse(h, 400, "a bad version");
    }
    if (p[5] != '1') {
        return gev__http_head_refuse(h, 505, "a version of HTTP other than 1");
    }
    if (p[7] > '1') {
        p[7] = '1';
    }
    h->minor = (uint8_t)(p[7] - '0');
    return 0;
}

int gev__http_request_line(struct gev__http_head *h, uint32_t cr)
{
    char *p = h->buf + h->line, *end = h->buf + cr;
    char *name_end = p + (gev__ch_skip(p, end, GEV__CH_TOKEN) - p);

    if (name_end == p || name_end == end || *name_end != ' ') {
        return gev__http_head_refuse(h, 400, "a bad method");
    }
    char *target = name_end + 1;
    char *target_end =
        target + (gev__ch_skip(target, end, GEV__CH_TARGET) - target);
    if (target_end == target || target_end == end || *target_end != ' ') {
        return gev__http_head_refuse(h, 400, "a bad target, or no version");
    }
    int rc = read_version(h, target_end + 1, end);
    if (rc < 0) {
        return rc;
    }
    h->name = span(h->buf, p, name_end);
    const struct method *method =
        h->name.len <= MAX_METHOD ? find_method(p, h->name.len) : NULL;
    if (!method) {
        return gev__http_head_refuse(h, 501, "an unknown method");
    }
    h->method = method->id;
    return read_target(h, target, target_end);
}
