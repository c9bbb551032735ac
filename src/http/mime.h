/* SPDX-License-Identifier: MIT */
/*
 * Media types by the suffixes of names.
 */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

/**
 * gev__http_mime() - the type of a file, with a charset where it is text
 * @name: of the file, or its path
 *
 * Return:    a constant; application/octet-stream if the suffix says nothing
 */
const char *gev__http_mime(const char *name);

#endif
