/* SPDX-License-Identifier: MIT */
/*
 * %XX, as paths and parameters have it.
 */
#ifndef HTTP_PERCENT_H
#define HTTP_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * gev__percent_decode() - decode [p, p + n)
 * @to:   room for @n bytes and a NUL; may be @p
 * @plus: "+" is a space
 *
 * Return:    0, or -EILSEQ: a bad escape, or %00
 */
int gev__percent_decode(char *to, const char *p, size_t n, bool plus);

#endif
