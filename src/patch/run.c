/* SPDX-License-Identifier: MIT */
/*
 * gev-run [OPTION]... PROGRAM [ARGUMENT]... - runs a program with libgev_patch
 *
 * It puts the library in front of libc (LD_PRELOAD) and becomes the program. The
 * library is GEV_PATCH_LIB, or stands beside gev-run (the build folder), or where
 * it was installed. With --threads so is libgev_threads, with --check-mutexes
 * libgev_mutexes, which stand beside it.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patch/words.h"

#define LIBRARY "libgev_patch.so"
#define THREADS "libgev_threads.so"
#define MUTEXES "libgev_mutexes.so"

#define NOT_FOUND   127 /* the exit statuses of env(1) and the shell */
#define NOT_RUNNING 126
#define FAILED      125

static void usage(FILE *out)
{
    (void)fputs(
        "usage: gev-run [OPTION]... PROGRAM [ARGUMENT]...\n"
        "Runs PROGRAM with libc's blocking calls made to let other greenlets "
        "run.\n"
        "  --threads        threads that PROGRAM makes are greenlets\n"
        "  --check-mutexes  tell who waits while holding a mutex\n"
        "  --patch=WORDS    what: all,-dns (the default is all); the words "
        "are\n                   " GEV__WORDS "\n",
        out);
}

/* Beside gev-run? */
static bool find_beside(char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;
    int len;

    if (n < 0) {
        return false;
    }
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    len = snprintf(path, size, "%s/" LIBRARY, self);
    return len > 0 && (size_t)len < size && access(path, R_OK) == 0;
}

static const char *find_library(char *path, size_t size)
{
    const char *chosen = getenv("GEV_PATCH_LIB");

    if (chosen) {
        return chosen;
    }
    if (find_beside(path, size)) {
        return path;
    }
    if (access(GEV_LIBDIR "/" LIBRARY, R_OK) == 0) {
        return GEV_LIBDIR "/" LIBRARY;
    }
    return LIBRARY; /* the dynamic linker may know it */
}

/* Adds one to those that are preloaded already. */
static int preload(const char *library)
{
    const char *others = getenv("LD_PRELOAD");
    char *all;
    int rc;

    if (!others || !*others) {
        return setenv("LD_PRELOAD", library, 1);
    }
    if (asprintf(&all, "%s:%s", others, library) < 0) {
        return -1;
    }
    rc = setenv("LD_PRELOAD", all, 1);
    free(all);
    return rc;
}

/* Another library of ours is where the first one is. */
static int preload_beside(const char *library, const char *name)
{
    const char *slash = strrchr(library, '/');
    int dir = slash ? (int)(slash + 1 - library) : 0, rc;
    char *path;

    if (asprintf(&path, "%.*s%s", dir, library, name) < 0) {
        return -1;
    }
    rc = preload(path);
    free(path);
    return rc;
}

static bool choose(const char *text)
{
    struct gev__words w = gev__words_read(text);

    if (w.unknown) {
        (void)fprintf(
            stderr,
            "gev-run: --patch: '%.*s' is unknown; the words are " GEV__WORDS
            "\n",
            (int)w.len, w.unknown);
        exit(FAILED);
    }
    return setenv("GEV_PATCH", text, 1) == 0;
}

struct options {
    bool threads;
    bool mutexes;
};

/* Return: how many arguments were options, or -1. */
static int read_options(char **argv, struct options *ret)
{
    int i = 1;

    for (; argv[i] && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return i;
        }
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            exit(EXIT_SUCCESS);
        }
        if (strcmp(argv[i], "--threads") == 0) {
            ret->threads = true;
            continue;
        }
        if (strcmp(argv[i], "--check-mutexes") == 0) {
            ret->mutexes = true;
            continue;
        }
        if (strncmp(argv[i], "--patch=", strlen("--patch=")) != 0) {
            (void)fprintf(stderr, "gev-run: unknown option '%s'\n", argv[i]);
            return -1;
        }
        if (!choose(argv[i] + strlen("--patch="))) {
            return -1;
        }
    }
    return i - 1;
}

static int preload_all(const char *library, const struct options *o)
{
    if ((o->mutexes && preload_beside(library, MUTEXES) < 0) ||
        (o->threads && preload_beside(library, THREADS) < 0)) {
        return -1;
    }
    return preload(library);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX];
    struct options o = {0};
    int n = read_options(argv, &o);

    if (n < 0 || n + 1 >= argc) {
        usage(stderr);
        return FAILED;
    }
    if (o.threads && o.mutexes) {
        (void)fputs(
            "gev-run: --check-mutexes looks for what --threads allows: there "
            "others run while a mutex is held\n",
            stderr);
        return FAILED;
    }
    if (preload_all(find_library(path, sizeof path), &o) < 0) {
        perror("gev-run");
        return FAILED;
    }
    execvp(argv[n + 1], argv + n + 1);
    (void)fprintf(stderr, "gev-run: %s: %s\n", argv[n + 1], strerror(errno));
    return errno == ENOENT ? NOT_FOUND : NOT_RUNNING;
}
