/* SPDX-License-Identifier: MIT */
/*
 * Open files of a directory, and what is said of them in every answer.
 *
 *   gev__http_dir ---- table --- gev__http_file "a.css"  fd, fields
 *                                   +- gz       "a.css.gz", the same for it
 */
#ifndef HTTP_FILE_CACHE_H
#define HTTP_FILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/list.h"
#include "http/date.h"
#include "http/etag.h"

/**
 * struct gev__http_file - a regular file that is open
 */
struct gev__http_file {
    struct gev__http_dir *dir;   /* whose */
    struct gev__list lru;        /* in gev__http_dir.lru; alone if not kept */
    struct gev__http_file *next; /* in its chain of the table */
    struct gev__http_file *gz;   /* compressed, owned, or NULL */
    unsigned refs;               /* the table, and who is sending it */
    int fd;
    uint32_t hash; /* of @path */
    double opened; /* gev__now() then */
    double used;   /* the same of the last use */
    struct stat st;
    char etag[GEV__ETAG_SIZE];
    char modified[GEV__HTTP_DATE_LEN + 1];
    char *fields;     /* lines of the head, owned: those of the content … */
    size_t n_content; /* bytes; a 304 has none of these … */
    size_t n_fields;  /* … and all, bytes */
    const char *type; /* Content-Type */
    char path[];      /* beneath the root */
};

/**
 * struct gev__http_dir - a root, and the files of it that are open
 */
struct gev__http_dir {
    int fd;
    const char *cache_control; /* borrowed, or NULL */
    bool precompressed;        /* look for FILE.gz */
    double time;               /* seconds that a name is believed */
    unsigned max;              /* files kept; 0: none */
    unsigned n;                /* of them there are now */
    uint32_t mask;             /* of the table */
    struct gev__http_file **table;
    struct gev__list lru; /* of gev__http_file.lru, the latest first */
};

/**
 * gev__http_dir_init() - nothing open yet
 * @max: files to keep
 *
 * Return:    0 or -ENOMEM
 */
int gev__http_dir_init(struct gev__http_dir *d, unsigned max);

/**
 * gev__http_dir_fini() - close all that nobody is sending
 */
void gev__http_dir_fini(struct gev__http_dir *d);

/**
 * gev__http_file_get() - open a file, or take one that is open
 * @path: relative
 * @ret:  as it is now, referenced
 *
 * Return:    0; -EISDIR; -ENOENT also for what is no regular file; or as
 *            gev__beneath_open()
 */
int gev__http_file_get(struct gev__http_dir *d, const char *path,
                       struct gev__http_file **ret);

/**
 * gev__http_file_put() - drop a reference
 */
void gev__http_file_put(struct gev__http_file *f);

/**
 * gev__http_file_forget() - it is not what it was: keep it no longer
 */
void gev__http_file_forget(struct gev__http_file *f);

#endif
