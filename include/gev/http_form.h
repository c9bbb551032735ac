/* SPDX-License-Identifier: MIT */
/*
 * gev/http_form.h - parameters of a request: query, form, cookies
 *
 *   const char *name = gev_http_param(x, gev_http_query(x), "name");
 *
 *   char *form;
 *   if (gev_http_form(x, 10000, &form) == 0)
 *       name = gev_http_param(x, form, "name");
 *
 * All strings are valid until the handler returns.
 */
#ifndef GEV_HTTP_FORM_H
#define GEV_HTTP_FORM_H

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

/**
 * gev_http_param() - the first value of a parameter
 * @x:       whose memory the value is in
 * @encoded: "name=value&name=value": gev_http_query() or gev_http_form()
 * @name:    decoded
 *
 * Values are decoded: %XX, and "+" as a space. One without "=" is "".
 *
 * Switches:  never
 * Return:    the value, or NULL with errno: ENOENT (there is none), EILSEQ (a
 *            bad escape, or %00, in it), ENOMEM
 */
GEV_API const char *gev_http_param(struct gev_http *x, const char *encoded,
                                   const char *name);

/**
 * gev_http_param_at() - one parameter after the other
 * @x:         whose memory they are in
 * @encoded:   as in gev_http_param()
 * @i:         0 for the first
 * @ret_name:  may be NULL
 * @ret_value: may be NULL
 *
 * Each call looks from the beginning, so the time for all of them grows with the
 * square of the length: bound it, by @max of gev_http_form() for one.
 *
 * Return:    0, or -1 with errno as gev_http_param(); ENOENT after the last
 */
GEV_API int gev_http_param_at(struct gev_http *x, const char *encoded, size_t i,
                              const char **ret_name, const char **ret_value);

/**
 * gev_http_form() - read a body of parameters
 * @x:        the exchange
 * @max:      EFBIG if it is longer
 * @ret_form: receives the body, for gev_http_param()
 *
 * Switches:  as gev_http_read_all()
 * Return:    0, or -1 with errno as gev_http_read_all(), and:
 *              EPROTOTYPE  its type is not application/x-www-form-urlencoded:
 *                          an answer would be 415
 *              EILSEQ      there is a NUL in it
 */
GEV_API int gev_http_form(struct gev_http *x, size_t max, char **ret_form);

/**
 * gev_http_cookie() - the first cookie of a name
 * @x:    the exchange
 * @name: compared as it is
 *
 * Switches:  never
 * Return:    the value as sent, without quotes around it; or NULL with errno:
 *            ENOENT, ENOMEM
 */
GEV_API const char *gev_http_cookie(struct gev_http *x, const char *name);

GEV_END_DECLS

#endif
