/* SPDX-License-Identifier: MIT */
/*
 * Tables of requests: see rows.h
 */
#include "rows.h"

#include <stdbool.h>

static const enum request_delivery deliveries[] = {
    REQUEST_WHOLE,
    REQUEST_BYTES,
    REQUEST_AT_CRLF,
    REQUEST_IN_CRLF,
};

void row_check(const struct row *row, const struct gev__http_limits *limits)
{
    char status[32], *whole = NULL;

    (void)snprintf(status, sizeof status, "status %d\n", row->status);
    for (size_t i = 0; i < sizeof deliveries / sizeof *deliveries; i++) {
        struct request_options o = {.delivery = deliveries[i],
                                    .limits = limits};
        char *text = request_run(row->bytes, row->len, &o);

        if (memcmp(text, status, strlen(status)) != 0) {
            fail_msg("%s (%s), delivery %zu: not %d but\n%s", row->id, row->rfc,
                     i, row->status, text);
        }
        if (row->want && !strstr(text, row->want)) {
            fail_msg("%s (%s), delivery %zu: no '%s' in\n%s", row->id, row->rfc,
                     i, row->want, text);
        }
        if (!whole) {
            whole = text;
            continue;
        }
        if (strcmp(text, whole) != 0) {
            fail_msg("%s (%s), delivery %zu differs:\n%s---- from ----\n%s",
                     row->id, row->rfc, i, text, whole);
        }
        free(text);
    }
    free(whole);
}

void rows_run(const struct row *rows, size_t n,
              const struct gev__http_limits *limits)
{
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        row_check(&rows[i], limits);
    }
}
