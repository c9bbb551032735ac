/* SPDX-License-Identifier: MIT */
/*
 * Status codes and their words.
 */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/**
 * gev__http_status_words() - "Not Found" for 404
 *
 * Return:    "" for a code that has no words of its own
 */
const char *gev__http_status_words(int code);

#endif
