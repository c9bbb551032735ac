/* SPDX-License-Identifier: MIT */
/*
 * The backdoor's commands. Each writes its answer to memory and does not
 * switch, so it shows one moment; the session sends it afterwards.
 *
 * A browser can be made to send lines to the loopback by any web page: what
 * looks like HTTP closes the session.
 */
#include "net/console.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gev/debug.h>
#include <gev/hub.h>

#include "hub/describe.h"
#include "hub/fd.h"
#include "hub/hub.h"
#include "hub/runinfo.h"
#include "hub/timing.h"

#define MAX_ECHO 32 /* bytes of an unknown command that are told back */

/* One command under way. */
struct console {
    struct gev__hub *hub;
    FILE *out;
    const char *arg; /* what follows the command, or "" */
};

struct command {
    const char *name;
    const char *help; /* its argument and what it does */
    void (*run)(struct console *c);
};

static void help(struct console *c); /* knows all commands */

/* The text of one that has run, and the errno if it has not. */
static void put(struct console *c, int rc, char *text)
{
    if (rc < 0) {
        (void)fprintf(c->out, "error: %s\n", gev_strerror(-rc));
        return;
    }
    (void)fputs(text, c->out);
    free(text);
}

static void ps(struct console *c)
{
    char *text = NULL;
    size_t len;
    int rc = gev__run_info(c->hub, false, 0, &text, &len);

    put(c, rc, text);
}

/* The greenlet that the argument names; NULL after having said why not. */
static struct gev_greenlet *chosen(struct console *c)
{
    struct gev_greenlet *g;
    char *end;
    unsigned long id = strtoul(c->arg, &end, 10);

    if (!isdigit((unsigned char)*c->arg) || *end || id > UINT32_MAX) {
        (void)fputs("error: which? \"ps\" lists the numbers\n", c->out);
        return NULL;
    }
    g = gev_find((uint32_t)id);
    if (!g) {
        (void)fprintf(c->out, "error: there is no greenlet %lu\n", id);
    }
    return g;
}

static void bt(struct console *c)
{
    struct gev_greenlet *g;
    char *text = NULL;
    size_t len;
    int rc;

    if (strcmp(c->arg, "all") == 0) {
        rc = gev__run_info(c->hub, true, 0, &text, &len);
        put(c, rc, text);
        return;
    }
    g = chosen(c);
    if (g) {
        rc = gev__backtrace_text(c->hub, g, 0, &text, &len);
        put(c, rc, text);
    }
}

static void print_user(FILE *out, const char *role,
                       const struct gev_greenlet *g, bool waits)
{
    if (g) {
        (void)fprintf(out, ", %s greenlet %u%s", role, g->id,
                      waits ? "" : " (not waiting)");
    }
}

static void print_fd(FILE *out, const struct gev__fd *f)
{
    static const char *const kinds[] = {
        [GEV__FD_UNKNOWN] = "?",          [GEV__FD_STREAM] = "stream",
        [GEV__FD_DGRAM] = "datagram",     [GEV__FD_LISTENER] = "listener",
        [GEV__FD_PIPE] = "pipe or other", [GEV__FD_FILE] = "file",
    };
    const struct gev__fd_more *m = f->more;
    unsigned n = 0;

    (void)fprintf(out, "%d %s", f->fd, kinds[f->kind]);
    print_user(out, "read by", f->reader, f->rd_waits);
    print_user(out, "written by", f->writer, f->wr_waits);
    for (const struct gev__list *l = m ? m->readers.next : NULL;
         l && l != &m->readers; l = l->next) {
        n++;
    }
    if (n) {
        (void)fprintf(out, ", %u queued to read", n);
    }
    if (m && !gev__list_empty(&m->observers)) {
        (void)fputs(", observed", out);
    }
    (void)fputc('\n', out);
}

static void print_fds(FILE *out, const struct gev__fd *table)
{
    for (int i = 0; i < GEV__FD_TABLE; i++) {
        if (table[i].kind != GEV__FD_UNKNOWN) {
            print_fd(out, &table[i]);
        }
    }
}

static void fds(struct console *c)
{
    for (size_t i = 0; i < c->hub->n_fd_tables; i++) {
        if (c->hub->fds[i]) {
            print_fds(c->out, c->hub->fds[i]);
        }
    }
}

static int print_timing(struct gev_greenlet *g, void *arg)
{
    struct console *c = arg;
    const struct gev__timing *t = g->extra ? g->extra->timing : NULL;
    double now = gev__now();
    char who[GEV__WHO_SIZE];

    if (!t || (t->wait_deadline == INFINITY && !t->n_scopes)) {
        return 0;
    }
    gev__who(g, who);
    (void)fputs(who, c->out);
    if (t->wait_deadline < INFINITY) {
        (void)fprintf(c->out, " waits %.3f s longer", t->wait_deadline - now);
    }
    for (uint32_t i = 0; i < t->n_scopes; i++) {
        const struct gev__scope *s = &t->scopes[i];

        if (s->id == 0) {
            (void)fputs(", shield", c->out);
        } else if (s->expired) {
            (void)fputs(", scope expired", c->out);
        } else {
            (void)fprintf(c->out, ", scope %.3f s", s->deadline - now);
        }
    }
    (void)fputc('\n', c->out);
    return 0;
}

static void timers(struct console *c)
{
    (void)gev_each(print_timing, c);
}

static void stats(struct console *c)
{
    struct gev_stats s;

    if (gev_stats(&s, sizeof s) < 0) {
        return;
    }
    (void)fprintf(c->out,
                  "greenlets %zu\nready %zu\nwaiting %zu\nimage_bytes %zu\n"
                  "spawned %ju\nswitches %ju\nevictions %ju\npolls %ju\n"
                  "budget_yields %ju\n",
                  s.greenlets, s.ready, s.waiting, s.image_bytes,
                  (uintmax_t)s.spawned, (uintmax_t)s.switches,
                  (uintmax_t)s.evictions, (uintmax_t)s.polls,
                  (uintmax_t)s.budget_yields);
}

static void kill_one(struct console *c)
{
    struct gev_greenlet *g = chosen(c);

    if (!g) {
        return;
    }
    if (gev_kill(g, 0) < 0) {
        (void)fprintf(c->out, "error: %s\n", gev_strerror(errno));
        return;
    }
    (void)fputs("told to end\n", c->out);
}

static const struct command commands[] = {
    {"ps", "          all greenlets", ps},
    {"bt", " ID|all   where one is, or all are", bt},
    {"fds", "         descriptors that gev knows, and who waits", fds},
    {"timers", "      time limits", timers},
    {"stats", "       counters", stats},
    {"kill", " ID     make a greenlet end", kill_one},
    {"help", "        this", help},
    {"quit", "        close this session", NULL},
    {NULL, NULL, NULL},
};

static void help(struct console *c)
{
    for (const struct command *cmd = commands; cmd->name; cmd++) {
        (void)fprintf(c->out, "%s%s\n", cmd->name, cmd->help);
    }
}

static bool is_http(const char *line)
{
    static const char *const starts[] = {"GET ", "POST ", "PUT ", "OPTIONS ",
                                         "Host:"};

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strncmp(line, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Cuts the line after the command; gives what follows. */
static const char *split(char *line)
{
    size_t n = strcspn(line, " \t");
    char *arg = line + n;

    if (*arg) {
        *arg++ = '\0';
        arg += strspn(arg, " \t");
        n = strlen(arg);
        while (n && isspace((unsigned char)arg[n - 1])) {
            arg[--n] = '\0';
        }
    }
    return arg;
}

static void unknown(FILE *out, const char *name)
{
    (void)fputs("error: there is no command \"", out);
    for (int i = 0; name[i] && i < MAX_ECHO; i++) {
        (void)fputc(isprint((unsigned char)name[i]) ? name[i] : '?', out);
    }
    (void)fputs("\"; \"help\" lists them\n", out);
}

static int dispatch(struct console *c, const char *name)
{
    const struct command *cmd = commands;

    while (cmd->name && strcmp(cmd->name, name) != 0) {
        cmd++;
    }
    if (!cmd->name) {
        unknown(c->out, name);
    } else if (!cmd->run) {
        return 0;
    } else {
        cmd->run(c);
    }
    return 1;
}

int gev__console_run(char *line, char **ret_text, size_t *ret_len)
{
    struct console c = {.hub = gev__hub_tls};
    int rc = 1;

    *ret_text = NULL;
    line += strspn(line, " \t");
    if (is_http(line)) {
        return 0;
    }
    c.out = open_memstream(ret_text, ret_len);
    if (!c.out) {
        return -ENOMEM;
    }
    c.arg = split(line);
    if (*line) {
        rc = dispatch(&c, line);
    }
    if (fclose(c.out) != 0 || !*ret_text) {
        free(*ret_text);
        *ret_text = NULL;
        return -ENOMEM;
    }
    return rc;
}
