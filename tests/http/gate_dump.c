/* SPDX-License-Identifier: MIT */
/*
 * What the gate makes of the request on standard input, as text: see
 * support/request.h. For tests in other languages.
 *
 * Usage: gate_dump < REQUESTS      each with its length in front, 4 bytes, the
 *                                  highest first; each result ends with NUL
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/request.h"

enum { MAX_BYTES = 1 << 20 };

int main(void)
{
    static char bytes[MAX_BYTES];
    struct request_options options = {.delivery = REQUEST_WHOLE};
    unsigned char size[4];

    while (fread(size, 1, sizeof size, stdin) == sizeof size) {
        size_t len = (size_t)size[0] << 24 | (size_t)size[1] << 16 |
                     (size_t)size[2] << 8 | size[3];

        if (len > sizeof bytes || fread(bytes, 1, len, stdin) != len) {
            (void)fprintf(stderr, "gate_dump: a bad length\n");
            return 1;
        }
        char *text = request_run(bytes, len, &options);
        (void)fputs(text, stdout);
        (void)fputc(0, stdout);
        free(text);
    }
    return 0;
}
