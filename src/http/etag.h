/* SPDX-License-Identifier: MIT */
/*
 * Entity tags: made of a file's state, and found in a client's list.
 */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include <stdbool.h>
#include <sys/stat.h>

/* Room for one with its quotes and a NUL. */
#define GEV__ETAG_SIZE 40

/**
 * gev__http_etag() - a strong tag for what is in a file now
 *
 * Of device, inode, size and the nanosecond of its last change, so another file
 * under the same name has another one.
 */
void gev__http_etag(const struct stat *st, char ret[GEV__ETAG_SIZE]);

/**
 * gev__http_etag_listed() - is a tag in a list?
 * @list: value of If-Match, If-None-Match: tags with commas between, or "*"
 * @tag:  a strong one
 * @weak: W/ in the list does not matter; otherwise those never match
 *
 * What is not a tag ends the search.
 *
 * See:       RFC 9110 8.8.3.2
 */
bool gev__http_etag_listed(const char *list, const char *tag, bool weak);

#endif
