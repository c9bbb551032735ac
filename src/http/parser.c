/* SPDX-License-Identifier: MIT */
/*
 * llhttp, asked for a second opinion
 *
 * The gate decides. But it is ours and young, while llhttp has been attacked for
 * years; so a request goes through only if both see the same: each field in the
 * same place, the same method, target and framing, the head's end at the same
 * byte, and later each chunk. What only one of them accepts is refused, and no
 * fact is ever taken from the one that the other did not see.
 *
 * llhttp 8 as Debian 12 has it is strict only if it is compiled so; 9 is strict
 * by itself. A loose one is refused here at compile time, and by the self-test
 * if one is linked all the same.
 */
#include "http/parser.h"

#include <errno.h>
#include <string.h>

#ifdef GEV_LLHTTP_RENAMED
#include "http/llhttp_names.h"
#endif
#include <llhttp.h>

#include "http/head.h"

#if LLHTTP_VERSION_MAJOR < 8
#error "llhttp is too old: 8 in strict mode, or 9.2.1, is needed"
#endif
#if LLHTTP_VERSION_MAJOR == 8
#if !defined(LLHTTP_STRICT_MODE) || !LLHTTP_STRICT_MODE
#error "llhttp 8 must be compiled, and used, with -DLLHTTP_STRICT_MODE=1"
#endif
#endif

_Static_assert(sizeof(llhttp_t) <= sizeof(struct gev__http_chunks),
               "a llhttp_t fits its place");

/* A head under comparison: what the callbacks see must be what it says. */
struct comparison {
    const struct gev__http_head *head;
    uint32_t n_names;  /* fields seen so far */
    uint32_t n_values; /* values seen that are not empty */
};

static int agree(bool same)
{
    return same ? 0 : -1;
}

static bool is_at(const struct gev__http_head *h, struct gev__http_span span,
                  const char *p, size_t len)
{
    return p == h->buf + span.at && len == span.len;
}

static int on_target(llhttp_t *p, const char *at, size_t len)
{
    const struct comparison *c = p->data;

    return agree(is_at(c->head, c->head->target, at, len));
}

static int on_name(llhttp_t *p, const char *at, size_t len)
{
    struct comparison *c = p->data;
    uint32_t i = c->n_names++;

    return agree(i < c->head->n_fields &&
                 is_at(c->head, c->head->fields[i].name, at, len));
}

/* White space behind the value is in the parser's span, or is not. */
static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct comparison *c = p->data;
    const struct gev__http_field *f = c->head->fields + c->n_names - 1;

    while (len > f->value.len && at[len - 1] == ' ') {
        len--;
    }
    c->n_values += len > 0;
    return agree(len == 0 ? f->value.len == 0
                          : is_at(c->head, f->value, at, len));
}

static bool same_method(const struct gev__http_head *h, const llhttp_t *p)
{
    const char *theirs = llhttp_method_name((llhttp_method_t)p->method);
    const char *ours = h->buf + h->name.at, *end = ours + h->name.len;

    while (ours < end && *theirs == *ours) {
        theirs++;
        ours++;
    }
    return ours == end && *theirs == '\0';
}

static bool same_framing(const struct gev__http_head *h, const llhttp_t *p)
{
    return p->http_major == 1 && p->http_minor == h->minor &&
           same_method(h, p) && !(p->flags & F_CHUNKED) == !h->chunked &&
           !(p->flags & F_CONTENT_LENGTH) == !(h->saw & GEV__HTTP_SAW_LENGTH) &&
           (h->chunked || (int64_t)p->content_length == h->content_length);
}

static int on_head(llhttp_t *p)
{
    const struct comparison *c = p->data;

    return c->n_names == c->head->n_fields && same_framing(c->head, p)
               ? HPE_PAUSED
               : -1;
}

static const llhttp_settings_t head_settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
};

/* Values that are not empty: the parser need not report the others. */
static uint32_t count_values(const struct gev__http_head *h)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < h->n_fields; i++) {
        n += h->fields[i].value.len > 0;
    }
    return n;
}

bool gev__http_parser_agrees(const struct gev__http_head *h, size_t len)
{
    struct comparison c = {.head = h};
    const char *start = h->buf + h->start;
    llhttp_t p;

    llhttp_init(&p, HTTP_REQUEST, &head_settings);
    p.data = &c;
    return llhttp_execute(&p, start, len) == HPE_PAUSED &&
           llhttp_get_error_pos(&p) == start + len &&
           c.n_values == count_values(h);
}

static int on_chunk_line(llhttp_t *p)
{
    struct gev__http_chunk_facts *facts = p->data;

    facts->line = true;
    facts->size = p->content_length;
    return 0;
}

static int on_content(llhttp_t *p, const char *at, size_t len)
{
    struct gev__http_chunk_facts *facts = p->data;

    facts->data = at;
    facts->len += len;
    return 0;
}

static int on_end(llhttp_t *p)
{
    struct gev__http_chunk_facts *facts = p->data;

    facts->end = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t chunk_settings = {
    .on_body = on_content,
    .on_message_complete = on_end,
    .on_chunk_header = on_chunk_line,
};

/* It knows no other way to chunks than through a head. */
void gev__http_chunks_init(struct gev__http_chunks *c)
{
    static const char head[] =
        "POST / HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\n";
    llhttp_t *p = (llhttp_t *)(void *)c->state;

    llhttp_init(p, HTTP_REQUEST, &chunk_settings);
    (void)llhttp_execute(p, head, sizeof head - 1);
}

int gev__http_chunks_feed(struct gev__http_chunks *c, const char *bytes,
                          size_t len, struct gev__http_chunk_facts *ret_facts)
{
    llhttp_t *p = (llhttp_t *)(void *)c->state;

    *ret_facts = (struct gev__http_chunk_facts){0};
    p->data = ret_facts;
    llhttp_errno_t rc = llhttp_execute(p, bytes, len);
    p->data = NULL;
    if (rc == HPE_PAUSED && ret_facts->end &&
        llhttp_get_error_pos(p) == bytes + len) {
        return 0;
    }
    return rc == HPE_OK && !ret_facts->end ? 0 : -EBADMSG;
}

bool gev__http_parser_accepts(const char *bytes, size_t len)
{
    static const llhttp_settings_t silent = {0};
    llhttp_t p;

    llhttp_init(&p, HTTP_REQUEST, &silent);
    return llhttp_execute(&p, bytes, len) == HPE_OK;
}
