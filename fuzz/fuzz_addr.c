/* SPDX-License-Identifier: MIT */
/*
 * Addresses: any string, any bytes as an address
 *
 *   first byte even   the rest is a string. What parses is formatted and parsed
 *                     again: the same address. Where bytes had to be written as
 *                     \xHH, which is for reading only, that is left out.
 *   first byte odd    the rest is an address of that length, formatted into a
 *                     buffer of a size that the second byte gives.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <gev/socket.h>

enum { MAX_STRING = 300, BIG = 4 * sizeof(struct sockaddr_un) + 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static void check_round_trip(const struct sockaddr_storage *sa, socklen_t len)
{
    struct sockaddr_storage again;
    socklen_t again_len;
    char text[BIG];

    must(gev_addr_format((const struct sockaddr *)sa, len, text, sizeof text) ==
         0);
    if (strstr(text, "\\x")) {
        return;
    }
    must(gev_addr_parse(text, &again, &again_len) == 0);
    must(again_len == len && memcmp(&again, sa, len) == 0);
}

static void parse(const uint8_t *data, size_t size)
{
    struct sockaddr_storage sa;
    socklen_t len = 4711;
    char *s = malloc(size + 1); /* so that a byte too far is seen */

    must(s != NULL);
    memcpy(s, data, size);
    s[size] = 0;
    errno = 0;
    if (gev_addr_parse(s, &sa, &len) == 0) {
        must(errno == 0 && len <= sizeof(struct sockaddr_un));
        check_round_trip(&sa, len);
    } else {
        must(errno == EINVAL || errno == ENAMETOOLONG);
        must(len == 4711);
    }
    free(s);
}

static void format(const uint8_t *data, size_t size, size_t room)
{
    struct sockaddr_storage *sa = malloc(sizeof *sa);
    char *text = malloc(room + 1);

    must(sa && text);
    memset(sa, 0, sizeof *sa);
    memcpy(sa, data, size);
    text[room] = 'z';
    errno = 0;
    int r = gev_addr_format((const struct sockaddr *)sa, (socklen_t)size, text,
                            room);
    must(r == 0 || errno == EINVAL || errno == ENOSPC || errno == EAFNOSUPPORT);
    must(text[room] == 'z');
    if (r == 0 || errno == ENOSPC) {
        must(memchr(text, 0, room) != NULL);
    }
    free(text);
    free(sa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > MAX_STRING) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        parse(data + 1, size - 1);
    } else if (size - 2 <= sizeof(struct sockaddr_storage)) {
        format(data + 2, size - 2, data[1]);
    }
    return 0;
}
