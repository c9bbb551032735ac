/* SPDX-License-Identifier: MIT */
/*
 * ";name=value" behind chunk sizes and transfer codings.
 */
#ifndef HTTP_PARAMS_H
#define HTTP_PARAMS_H

#include <stdbool.h>

/**
 * gev__http_params_valid() - is all of it parameters?
 * @p:   behind what they belong to
 * @end: where they must end
 *
 * *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ), as RFC 9112
 * 7.1.1 has chunk extensions. Nothing at all is fine.
 */
bool gev__http_params_valid(const char *p, const char *end);

#endif
