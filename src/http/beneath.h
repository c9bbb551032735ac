/* SPDX-License-Identifier: MIT */
/*
 * Opening a file beneath a directory, and nowhere else.
 */
#ifndef HTTP_BENEATH_H
#define HTTP_BENEATH_H

/**
 * gev__beneath_open() - open a path that must not leave a directory
 * @dir:   the directory
 * @path:  relative; "" is the directory itself
 * @flags: as open(2); O_CLOEXEC is added
 *
 * Return:    a descriptor, or -Exxx: -EXDEV, -ELOOP (it leaves), or as open(2)
 */
int gev__beneath_open(int dir, const char *path, int flags);

/**
 * gev__beneath_walk() - the same without openat2(2): follows no links
 */
int gev__beneath_walk(int dir, const char *path, int flags);

#endif
