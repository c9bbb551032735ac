/* SPDX-License-Identifier: MIT */
/*
 * Field lines: "Name: value", checked where they lie and kept as offsets.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the buffer that a head or a trailer section lies in. */
struct gev__http_span {
    uint32_t at;  /* offset from the buffer's first byte */
    uint32_t len; /* bytes */
};

struct gev__http_field {
    struct gev__http_span name;
    struct gev__http_span value; /* without white space around it */
};

/**
 * gev__http_field_parse() - check one field line and find its parts
 * @buf:  what the offsets are counted from
 * @line: offset of the line's first byte
 * @end:  offset of its CR
 * @ret_field: where name and value are, on success
 *
 * The caller has seen that no control character but HTAB is in the line, so the
 * value is well-formed by now. HTABs around the value become SP: the packaged
 * parser takes less for white space than RFC 9110 5.6.3 does.
 *
 * Return:    NULL, or what is wrong with it, for the log; it is a 400 then
 */
const char *gev__http_field_parse(char *buf, uint32_t line, uint32_t end,
                                  struct gev__http_field *ret_field);

/**
 * gev__http_field_is() - has the field this name, in whatever case?
 * @buf:   what the offsets are counted from
 * @lower: the name in lower case
 * @len:   its length
 */
bool gev__http_field_is(const char *buf, const struct gev__http_field *field,
                        const char *lower, size_t len);

/**
 * gev__http_fields_find() - look a field up by name
 * @buf:    what the offsets are counted from
 * @fields: the table
 * @n:      its entries
 * @name:   name in any case, NUL-terminated
 * @from:   index to begin with, so that repeated ones can be read in order
 *
 * Return:    its index, or -1
 */
int gev__http_fields_find(const char *buf, const struct gev__http_field *fields,
                          uint32_t n, const char *name, uint32_t from);

#endif
