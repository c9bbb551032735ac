/* SPDX-License-Identifier: MIT */
/*
 * Files of a directory as responses
 *
 * Happy path: the path is of ordinary names, the file is open already, and what
 * its answer is file_send.c says.
 *
 * Failure modes
 *   the path leaves the root         not found: beneath.c
 *   it was truncated since fstat(2)  opened anew once, then 500, if nothing was
 *                                    sent yet
 *   no descriptors, no memory        503, 500
 *   freed while it is sending        each request has a reference
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gev/http_files.h>

#include "core/greenlet.h"
#include "core/ret.h"
#include "http/beneath.h"
#include "http/file_send.h"
#include "http/redirect.h"
#include "http/response.h"

struct gev_http_files {
    size_t refs; /* the user, each request */
    struct gev__http_dir dir;
    char *prefix;        /* begins and ends with "/" … */
    size_t n_prefix;     /* … its length */
    char *index;         /* or NULL */
    char *cache_control; /* or NULL */
    bool dot_files;
};

/* ---- made and freed ----------------------------------------------------- */

void gev_http_files_options_init(struct gev_http_files_options *o, size_t size)
{
    const struct gev_http_files_options defaults = {
        .struct_size = size,
        .prefix = "/",
        .index = "index.html",
        .precompressed = 1,
        .cache_files = 128,
        .cache_time = 1,
    };

    if (!o) {
        return;
    }
    if (size > sizeof defaults) { /* a caller newer than this library */
        memset(o, 0, size);
    }
    memcpy(o, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

/* Takes over what the caller knows of the options. Return: 0 or -EINVAL. */
static int read_options(struct gev_http_files_options *to,
                        const struct gev_http_files_options *o)
{
    size_t n;

    gev_http_files_options_init(to, sizeof *to);
    if (!o) {
        return 0;
    }
    if (o->struct_size < sizeof(size_t)) {
        return -EINVAL;
    }
    memcpy(to, o, o->struct_size < sizeof *to ? o->struct_size : sizeof *to);
    n = to->prefix ? strlen(to->prefix) : 0;
    if (n == 0 || to->prefix[0] != '/' || to->prefix[n - 1] != '/' ||
        !(to->cache_time >= 0) ||
        (to->index && (!*to->index || strchr(to->index, '/'))) ||
        (to->cache_control && !gev__http_value_ok(to->cache_control))) {
        return -EINVAL;
    }
    return 0;
}

/* A cache must leave descriptors for connections. */
static unsigned files_to_keep(unsigned wanted)
{
    struct rlimit limit;
    int saved = errno;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        errno = saved;
        return 0;
    }
    return limit.rlim_cur / 8 < wanted ? (unsigned)(limit.rlim_cur / 8)
                                       : wanted;
}

static void unref(struct gev_http_files *f)
{
    if (!f || --f->refs > 0) {
        return;
    }
    gev__http_dir_fini(&f->dir);
    if (f->dir.fd >= 0) {
        close(f->dir.fd);
    }
    free(f->prefix);
    free(f->index);
    free(f->cache_control);
    free(f);
}

static int copy(const char *s, char **ret)
{
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? -ENOMEM : 0;
}

/* Opens the root. Return: 0 or -Exxx. */
static int open_root(struct gev_http_files *f, const char *root)
{
    int saved = errno;

    f->dir.fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->dir.fd < 0) {
        int rc = -errno;

        errno = saved;
        return rc;
    }
    return 0;
}

static int setup(struct gev_http_files *f, const char *root,
                 const struct gev_http_files_options *o)
{
    int rc = gev__http_dir_init(&f->dir, files_to_keep(o->cache_files));

    if (rc < 0 || (rc = copy(o->prefix, &f->prefix)) < 0 ||
        (rc = copy(o->index, &f->index)) < 0 ||
        (rc = copy(o->cache_control, &f->cache_control)) < 0) {
        return rc;
    }
    assert(f->prefix); /* by read_options() */
    f->n_prefix = strlen(f->prefix);
    f->dot_files = o->dot_files != 0;
    f->dir.cache_control = f->cache_control;
    f->dir.precompressed = o->precompressed != 0;
    f->dir.time = o->cache_time;
    return open_root(f, root);
}

struct gev_http_files *
gev_http_files_new(const char *root, const struct gev_http_files_options *o)
{
    struct gev_http_files_options options;
    int rc = root ? read_options(&options, o) : -EINVAL;
    struct gev_http_files *f = NULL;

    if (rc == 0) {
        f = calloc(1, sizeof *f);
        rc = f ? 0 : -ENOMEM;
    }
    if (f) {
        f->refs = 1;
        f->dir.fd = -1;
        gev__list_init(&f->dir.lru);
        rc = setup(f, root, &options);
    }
    if (gev__ret(rc) < 0) {
        unref(f);
        return NULL;
    }
    return f;
}

void gev_http_files_free(struct gev_http_files *f)
{
    int saved = errno;

    unref(f);
    errno = saved;
}

/* ---- finding it --------------------------------------------------------- */

/* May a name that begins with a dot be asked for, the @first or a later one? */
static bool dot_name_ok(const char *p, size_t n, bool dot_files, bool first)
{
    static const char well_known[] = ".well-known"; /* RFC 8615 */

    if (n == 1 || (n == 2 && p[1] == '.')) {
        return false;
    }
    return dot_files || (first && n == sizeof well_known - 1 &&
                         memcmp(p, well_known, n) == 0);
}

/* Is the path of ordinary names? Only the last may be empty. */
static bool path_ok(const char *path, bool dot_files)
{
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");

        if (n == 0 || (*p == '.' && !dot_name_ok(p, n, dot_files, p == path))) {
            return false;
        }
        p += n + (p[n] == '/');
    }
    return true;
}

/* A directory: its index is what is meant. */
static char *index_path(struct gev_http *x, const struct gev_http_files *f,
                        const char *path)
{
    char *p = gev__arena_alloc(&x->arena, strlen(path) + strlen(f->index) + 1);

    if (p) {
        stpcpy(stpcpy(p, path), f->index);
    }
    return p;
}

/* Is there a directory of this name? */
static bool is_directory(const struct gev_http_files *f, const char *path)
{
    int fd = gev__beneath_open(f->dir.fd, path, O_PATH | O_DIRECTORY);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* Answers when there is no file to be sent. @rc: why. */
static int refuse(struct gev_http *x, int rc)
{
    switch (rc) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP: /* out of the root */
    case -EXDEV:
        return gev__http_reply_error(x, 404, NULL);
    case -EACCES:
    case -EPERM:
    case -EISDIR:
        return gev__http_reply_error(x, 403, NULL);
    case -EMFILE:
    case -ENFILE:
        return gev__http_reply_error(x, 503, NULL);
    default:
        return gev__http_reply_error(x, 500, NULL);
    }
}

/* Opens what a path means and answers with it, if it can still be read. */
static int send_opened(struct gev_http *x, struct gev_http_files *files,
                       const struct gev__http_conditions *c, const char *path)
{
    struct gev__http_file *f;
    int rc = gev__http_file_get(&files->dir, path, &f);

    if (rc < 0) {
        return rc;
    }
    rc = gev__http_file_send(x, c, c->gzip && f->gz ? f->gz : f);
    x->re.lines = NULL;
    x->re.n_lines = 0;
    if (rc == -ESTALE) {
        gev__http_file_forget(f);
    }
    gev__http_file_put(f);
    return rc;
}

static int send_path(struct gev_http *x, struct gev_http_files *f,
                     const char *path)
{
    size_t n = strlen(path);
    bool is_dir = n == 0 || path[n - 1] == '/';
    const char *file = is_dir && f->index ? index_path(x, f, path) : path;
    struct gev__http_conditions c;
    int rc;

    if (!file) {
        return -ENOMEM;
    }
    if (is_dir && !f->index) {
        return refuse(x, is_directory(f, path) ? -EISDIR : -ENOENT);
    }
    gev__http_conditions_read(x, &c);
    rc = send_opened(x, f, &c, file);
    if (rc == -ESTALE) {
        rc = send_opened(x, f, &c, file);
    }
    if (rc == 0 || x->re.stage != GEV__HTTP_NOTHING || x->c->broken) {
        return rc;
    }
    if (rc == -EISDIR && !is_dir && gev_http_target(x)[1] != '/') {
        return gev__http_add_slash(x) < 0 ? -errno : 0;
    }
    if (rc == -ENOENT && is_dir && is_directory(f, path)) {
        rc = -EISDIR;
    }
    return refuse(x, rc);
}

/* ---- public ------------------------------------------------------------- */

/* Answers other methods. Return: 1 if it is GET or HEAD. */
static int check_method(struct gev_http *x)
{
    if (x->head.method == GEV__HTTP_GET || x->head.method == GEV__HTTP_HEAD) {
        return 1;
    }
    if (gev_http_set(x, "Allow", "GET, HEAD, OPTIONS") < 0) {
        return -errno;
    }
    return x->head.method == GEV__HTTP_OPTIONS
               ? gev__http_reply(x, 204, NULL, NULL, 0)
               : gev__http_reply_error(x, 405, NULL);
}

static int send_referenced(struct gev_http *x, struct gev_http_files *f,
                           const char *path)
{
    int rc;

    if (x->re.stage != GEV__HTTP_NOTHING) {
        return -EALREADY;
    }
    rc = check_method(x);
    if (rc <= 0) {
        return rc;
    }
    f->refs++;
    rc = send_path(x, f, path);
    unref(f);
    return rc;
}

int gev_http_files_send(struct gev_http *x, struct gev_http_files *f,
                        const char *path)
{
    if (!f || !path) {
        return (int)gev__ret(-EINVAL);
    }
    return (int)gev__ret(path_ok(path, true) ? send_referenced(x, f, path)
                                             : refuse(x, -ENOENT));
}

int gev_http_files_handler(struct gev_http *x, void *files)
{
    struct gev_http_files *f = files;
    const char *path = gev_http_path(x);

    if (!path) {
        return errno == EILSEQ ? gev_http_error(x, 400, NULL) : -1;
    }
    if (strncmp(path, f->prefix, f->n_prefix) != 0 ||
        !path_ok(path + f->n_prefix, f->dot_files)) {
        return (int)gev__ret(refuse(x, -ENOENT));
    }
    return (int)gev__ret(send_referenced(x, f, path + f->n_prefix));
}
