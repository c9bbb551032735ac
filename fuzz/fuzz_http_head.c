/* SPDX-License-Identifier: MIT */
/*
 * HTTP requests: any bytes through gate, parser and body
 *
 * The first byte seeds how the rest is cut, and says by its lowest bit whether
 * there is TLS; the rest is a request. Whole, byte by byte and cut at random it
 * must end alike, in all that request_run() tells.
 * What is accepted is then read once more, by the simple reader here that goes
 * over the original bytes and knows nothing of the gate: it must find the same
 * end of head, length, coding, content and end.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/support/request.h"

enum { MAX_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gev__http_limits limits = {
    .max_request_line = 300,
    .max_head = 2000,
    .max_field_line = 500,
    .max_fields = 20,
    .max_chunk_line = 40,
    .max_overhead = 200,
    .max_body = 5000,
};

static void must(bool is_so, const char *what)
{
    if (!is_so) {
        (void)fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

/* What a naive reader makes of the bytes. */
struct reading {
    size_t head;      /* bytes of it */
    long long length; /* Content-Length, -1 without */
    bool chunked;
    size_t end; /* of the request */
    char *content;
    size_t n_content;
};

static size_t line_end(const char *p, size_t at, size_t len)
{
    while (at + 1 < len && (p[at] != '\r' || p[at + 1] != '\n')) {
        must(p[at] != '\r' && p[at] != '\n' && p[at] != 0, "plain lines");
        at++;
    }
    must(at + 1 < len, "a line's end");
    return at;
}

static bool begins(const char *line, size_t len, const char *name)
{
    return len >= strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

static void read_head(const char *p, size_t len, struct reading *r)
{
    size_t at = 0, end;
    int hosts = 0;

    r->length = -1;
    while (len - at >= 2 && memcmp(p + at, "\r\n", 2) == 0) {
        at += 2;
    }
    must(at <= 4, "two empty lines at most");
    for (;; at = end + 2) {
        const char *line = p + at;
        end = line_end(p, at, len);
        if (end == at) {
            break;
        }
        must(*line != ' ' && *line != '\t', "no folded line");
        if (begins(line, end - at, "content-length:")) {
            must(r->length == -1, "one length");
            r->length = atoll(line + 15);
        } else if (begins(line, end - at, "transfer-encoding:")) {
            must(!r->chunked, "one coding");
            r->chunked = true;
        }
        hosts += begins(line, end - at, "host:");
    }
    must(hosts <= 1, "one Host");
    must(!r->chunked || r->length == -1, "one framing");
    r->head = end + 2;
}

static void read_chunks(const char *p, size_t len, struct reading *r)
{
    size_t at = r->head, end = 0;

    for (;;) {
        end = line_end(p, at, len);
        unsigned long size = strtoul(p + at, NULL, 16);
        at = end + 2;
        if (size == 0) {
            break;
        }
        must(len - at >= size + 2, "the chunk is there");
        memcpy(r->content + r->n_content, p + at, size);
        r->n_content += size;
        at += size;
        must(memcmp(p + at, "\r\n", 2) == 0, "CRLF behind a chunk");
        at += 2;
    }
    for (; (end = line_end(p, at, len)) != at; at = end + 2) {
    }
    r->end = at + 2;
}

static void read_body(const char *p, size_t len, struct reading *r)
{
    r->content = malloc(len + 1);
    must(r->content != NULL, "memory");
    if (r->chunked) {
        read_chunks(p, len, r);
        return;
    }
    if (r->length > 0) {
        must((unsigned long long)r->length <= len - r->head, "all content");
        r->n_content = (size_t)r->length;
        memcpy(r->content, p + r->head, r->n_content);
    }
    r->end = r->head + r->n_content;
}

/* Finds "\nNAME VALUE\n" in the result. */
static void has(const char *text, const char *name, unsigned long long value)
{
    char line[64];

    (void)snprintf(line, sizeof line, "\n%s %llu\n", name, value);
    must(strstr(text, line) != NULL, line);
}

static bool is_flagged(const char *text, const char *flag)
{
    const char *flags = strstr(text, "\nflags") + 1;
    const char *found = strstr(flags, flag);

    return found && found < strchr(flags, '\n');
}

static void compare(const char *text, const char *p, size_t len)
{
    struct reading r = {0};

    read_head(p, len, &r);
    read_body(p, len, &r);
    has(text, "head", r.head);
    has(text, "length", r.length > 0 ? (unsigned long long)r.length : 0);
    has(text, "rest", len - r.end);
    must(is_flagged(text, " chunked") == r.chunked, "the coding");
    const char *body = strstr(text, "\nbody ") + strlen("\nbody ");
    for (size_t i = 0; i < r.n_content; i++) {
        unsigned char c = (unsigned char)r.content[i];
        unsigned byte = (unsigned char)*body;
        if (*body == '\\') {
            must(sscanf(body, "\\x%2X", &byte) == 1, "an escape");
            body += 3;
        }
        must(byte == c, "the content");
        body++;
    }
    must(*body == '\n', "the content's end");
    free(r.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum request_delivery cut[] = {
        REQUEST_BYTES, REQUEST_AT_CRLF, REQUEST_IN_CRLF, REQUEST_RANDOM};
    struct request_options o = {.delivery = REQUEST_WHOLE, .limits = &limits};

    if (size < 1 || size > MAX_BYTES) {
        return 0;
    }
    const char *p = (const char *)data + 1;
    o.seed = data[0];
    o.secure = data[0] % 2;
    char *whole = request_run(p, size - 1, &o);
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        o.delivery = cut[i];
        char *text = request_run(p, size - 1, &o);
        must(strcmp(text, whole) == 0, "the same however it is cut");
        free(text);
    }
    if (memcmp(whole, "status 200\n", 11) == 0) {
        compare(whole, p, size - 1);
    }
    must(!strstr(whole, "\nreason the parser"),
         "the parser takes what the gate takes");
    free(whole);
    return 0;
}
