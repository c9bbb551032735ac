/* SPDX-License-Identifier: MIT */
/*
 * Field lines
 *
 * RFC 9112 5: field-name ":" OWS field-value OWS. The name is a token, with
 * nothing between it and the colon: servers that differ there are what makes
 * smuggling of framing fields work.
 */
#include "http/fields.h"

#include "http/chars.h"

/* Passes over white space and makes all of it SP. */
static uint32_t skip_blanks(char *buf, uint32_t at, uint32_t end)
{
    while (at < end && (buf[at] == ' ' || buf[at] == '\t')) {
        buf[at++] = ' ';
    }
    return at;
}

static uint32_t trim_blanks(char *buf, uint32_t at, uint32_t end)
{
    while (end > at && (buf[end - 1] == ' ' || buf[end - 1] == '\t')) {
        buf[--end] = ' ';
    }
    return end;
}

const char *gev__http_field_parse(char *buf, uint32_t line, uint32_t end,
                                  struct gev__http_field *ret_field)
{
    const char *colon = gev__ch_skip(buf + line, buf + end, GEV__CH_TOKEN);
    uint32_t name_end = (uint32_t)(colon - buf);

    if (name_end == line) {
        return "a field line without a name";
    }
    if (name_end == end || *colon != ':') {
        return "a bad byte in a field name, or no colon";
    }
    uint32_t value = skip_blanks(buf, name_end + 1, end);
    ret_field->name = (struct gev__http_span){line, name_end - line};
    ret_field->value =
        (struct gev__http_span){value, trim_blanks(buf, value, end) - value};
    return NULL;
}

bool gev__http_field_is(const char *buf, const struct gev__http_field *field,
                        const char *lower, size_t len)
{
    return field->name.len == len &&
           gev__ch_equal(buf + field->name.at, lower, len);
}

static bool same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gev__ch_lower(a[i]) != gev__ch_lower(b[i])) {
            return false;
        }
    }
    return true;
}

int gev__http_fields_find(const char *buf, const struct gev__http_field *fields,
                          uint32_t n, const char *name, uint32_t from)
{
    size_t len = strlen(name);

    for (uint32_t i = from; i < n; i++) {
        if (fields[i].name.len == len &&
            same_name(buf + fields[i].name.at, name, len)) {
            return (int)i;
        }
    }
    return -1;
}
