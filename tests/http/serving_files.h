/* SPDX-License-Identifier: MIT */
/*
 * A folder for tests that serve files, made anew for each and removed after it
 */
#ifndef TESTS_HTTP_SERVING_FILES_H
#define TESTS_HTTP_SERVING_FILES_H

#include "serving.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static char root[64];
static int root_fd;
static struct gev_http_files *files;
static struct gev_http_server *server;

/* Writes a file, by a new one that takes its place. */
static inline void put_file(const char *name, const char *data, size_t n)
{
    int fd = openat(root_fd, "new", O_CREAT | O_TRUNC | O_WRONLY, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    close(fd);
    assert_int_equal(renameat(root_fd, "new", root_fd, name), 0);
}

static inline void put_text(const char *name, const char *text)
{
    put_file(name, text, strlen(text));
}

/* @n bytes of which each is its offset modulo 251. */
static inline void put_bytes(const char *name, size_t n)
{
    char *p = malloc(n);

    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(i % 251);
    }
    put_file(name, p, n);
    free(p);
}

/* Sets the time of the last change: seconds since 1970. */
static inline void set_time(const char *name, time_t t)
{
    const struct timespec times[2] = {{.tv_sec = t}, {.tv_sec = t}};

    assert_int_equal(utimensat(root_fd, name, times, 0), 0);
}

static inline void begin_files(const struct gev_http_files_options *o)
{
    strcpy(root, "/tmp/gev-files-XXXXXX");
    assert_non_null(mkdtemp(root));
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root_fd >= 0);
    files = gev_http_files_new(root, o);
    assert_non_null(files);
    server = serve_with(gev_http_files_handler, files, NULL);
}

static inline int remove_one(const char *path, const struct stat *st, int kind,
                             struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void end_files(void)
{
    end(server);
    gev_http_files_free(files);
    close(root_fd);
    assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Asks for something, with more fields: each with its CRLF. */
static inline const char *request(const char *line, const char *fields)
{
    char text[2000];

    snprintf(text, sizeof text,
             "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", line,
             fields);
    return ask(text);
}

/* The value of a field of the answer, copied; "" without it. */
static inline const char *value(const char *name)
{
    static char copies[4][200];
    static int turn;
    char line[100], *copy = copies[turn++ % 4];
    const char *p;

    snprintf(line, sizeof line, "\r\n%s: ", name);
    p = strstr(got.text, line);
    copy[0] = '\0';
    if (p) {
        p += strlen(line);
        snprintf(copy, sizeof copies[0], "%.*s", (int)strcspn(p, "\r"), p);
    }
    return copy;
}

#endif
