/* SPDX-License-Identifier: MIT */
/*
 * Random programs over queues, channels, semaphores and events: each operation
 * comes to what the model says, in that order
 *
 * GEV_MODEL_SEEDS sets how many programs are run, GEV_MODEL_FIRST the first
 * seed. A program that fails is printed.
 */
#include "model.h"
#include "run.h"

#define LIMIT 0.002 /* of a wait that is limited */

static struct program program;
static struct history wanted, got;
static struct gev_greenlet *handles[MAX_ACTIONS];
static struct gev_queue *queues[N_QUEUES];
static struct gev_channel *channels[N_CHANNELS];
static struct gev_semaphore *semaphore;
static struct gev_event *event;
static uint32_t seed;

static int draw(int n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return (int)(seed % (uint32_t)n);
}

static struct op draw_op(int *ret_values)
{
    struct op op = {.what = (enum what)draw(N_WHATS)};

    if (draw(3) == 0) { /* what this is about, more often */
        op.what = draw(2) ? (draw(2) ? PUT : GET) : (draw(2) ? SEND : RECV);
    }
    op.limit = draw(4) ? FOREVER : draw(3) ? LIMITED : TRY;
    op.object = op.what <= JOIN ? draw(N_QUEUES) : draw(N_CHANNELS);
    op.other = op.what == CHOOSE && draw(4) ? draw(N_CHANNELS) : -1;
    op.value = ++*ret_values;
    return op;
}

static struct action draw_action(int i, int *ret_values)
{
    struct action a = {.act = YIELD};
    int what = draw(100);

    if (what < 45) {
        a.act = SPAWN;
        a.n_ops = 1 + draw(MAX_OPS);
    } else if (what < 60) {
        a.act = DO;
        a.n_ops = 1;
    } else if (what < 70 && i) {
        a.act = KILL;
        a.target = draw(i);
    } else if (what >= 97) {
        a.act = what == 97 ? SHUTDOWN : what == 98 ? CLOSE : EXPIRE;
        a.target = what == 98 ? draw(N_CHANNELS) : draw(N_QUEUES);
        a.value = draw(2);
    }
    for (int k = 0; k < a.n_ops; k++) {
        a.ops[k] = draw_op(ret_values);
        if (a.act == DO) {
            a.ops[k].limit = TRY;
        }
    }
    return a;
}

static void draw_program(uint32_t s)
{
    int n_values = 0;

    seed = s * 2654435761u + 1;
    memset(&program, 0, sizeof program);
    program.n = 10 + draw(MAX_ACTIONS - 10);
    for (int i = 0; i < N_QUEUES; i++) {
        program.maxsize[i] = draw(4);
    }
    for (int i = 0; i < N_CHANNELS; i++) {
        program.capacity[i] = draw(2) ? 0 : draw(4);
    }
    for (int i = 0; i < program.n; i++) {
        program.actions[i] = draw_action(i, &n_values);
    }
}

static double seconds(const struct op *op)
{
    return op->limit == TRY ? 0 : op->limit == LIMITED ? LIMIT : GEV_FOREVER;
}

static int do_choose(const struct op *op, long *ret_value)
{
    long out = op->value;
    struct gev_case c[] = {
        gev_case_recv(channels[op->object], ret_value),
        gev_case_send(op->other < 0 ? NULL : channels[op->other], &out)};
    int i = gev_choose(c, 2, seconds(op));

    if (i >= 0 && c[i].error) {
        return i + (c[i].error == EBADF ? 20 : 10);
    }
    return i;
}

static int do_channel(const struct op *op, long *ret_value)
{
    long out = op->value;

    switch (op->what) {
    case SEND:
        return gev_channel_send(channels[op->object], &out, seconds(op));
    case RECV:
        return gev_channel_recv(channels[op->object], ret_value, seconds(op));
    case ACQUIRE:
        return gev_semaphore_acquire(semaphore, seconds(op));
    case RELEASE:
        return gev_semaphore_release(semaphore);
    case SET:
        return gev_event_set(event);
    case CLEAR:
        return gev_event_clear(event);
    case WAIT:
        return gev_event_wait(event, seconds(op));
    default:
        return do_choose(op, ret_value);
    }
}

static int do_op(const struct op *op, long *ret_value)
{
    struct gev_queue *q = queues[op->object];

    switch (op->what) {
    case PUT:
        return gev_queue_put(q, LETTER(op->value), seconds(op));
    case GET:
        return gev_queue_get(q, (void **)ret_value, seconds(op));
    case PEEK:
        return gev_queue_peek(q, (void **)ret_value, seconds(op));
    case TASK_DONE:
        return gev_queue_task_done(q);
    case JOIN:
        return gev_queue_join(q, seconds(op));
    default:
        return do_channel(op, ret_value);
    }
}

/* Does one and writes down what came of it; gives that. */
static int perform(int who, int n, const struct op *op)
{
    long value = 0;
    int rc;

    rc = do_op(op, &value);
    rc = rc < 0 ? -errno : rc;
    if (got.n < MAX_LOG) {
        got.entries[got.n++] =
            (struct entry){who, n, rc, rc < 0 ? 0 : (int)value};
    }
    return rc;
}

static void *perform_all(void *arg)
{
    const struct action *a = arg;
    int who = (int)(a - program.actions);

    for (int i = 0; i < a->n_ops; i++) {
        int rc = perform(who, i, &a->ops[i]);

        if (rc == -ETIMEDOUT || rc == -EBADF || rc >= 20) {
            break;
        }
    }
    return NULL;
}

static int by_priority(const void *a, const void *b)
{
    return (int)((intptr_t)a / 4) - (int)((intptr_t)b / 4);
}

static void make_objects(void)
{
    queues[0] = gev_queue_new((size_t)program.maxsize[0]);
    queues[1] = gev_queue_new_lifo((size_t)program.maxsize[1]);
    queues[2] = gev_queue_new_priority((size_t)program.maxsize[2], by_priority);
    for (int i = 0; i < N_CHANNELS; i++) {
        channels[i] =
            gev_channel_new(sizeof(long), (size_t)program.capacity[i]);
    }
    semaphore = gev_semaphore_new(0, 0);
    event = gev_event_new();
}

static void free_objects(void)
{
    for (int i = 0; i < N_QUEUES; i++) {
        gev_queue_free(queues[i]);
    }
    for (int i = 0; i < N_CHANNELS; i++) {
        gev_channel_free(channels[i]);
    }
    gev_semaphore_free(semaphore);
    gev_event_free(event);
}

static void settle_all(void)
{
    for (int i = 0; i < SETTLING_YIELDS; i++) {
        gev_yield();
    }
}

static void act(int i)
{
    struct action *a = &program.actions[i];

    switch (a->act) {
    case SPAWN:
        handles[i] = gev_spawn(perform_all, a);
        break;
    case DO:
        perform(MAIN, i, &a->ops[0]);
        break;
    case KILL:
        if (handles[a->target]) {
            gev_kill(handles[a->target], 0);
        }
        break;
    case YIELD:
        gev_yield();
        break;
    case SHUTDOWN:
        gev_queue_shutdown(queues[a->target], a->value);
        break;
    case CLOSE:
        gev_channel_close(channels[a->target]);
        break;
    case EXPIRE:
        settle_all();
        gev_sleep(1.5 * LIMIT);
        settle_all();
    }
}

/* Runs it; false if a limit may have expired before its time, which is when
   this process was kept waiting. */
static bool run_program(void)
{
    double begin = gev_now();
    bool in_time = true;

    memset(&got, 0, sizeof got);
    memset(handles, 0, sizeof handles);
    make_objects();
    for (int i = 0; i < program.n; i++) {
        if (program.actions[i].act == EXPIRE) {
            settle_all();
            in_time = in_time && gev_now() - begin < 0.8 * LIMIT;
        }
        act(i);
        if (program.actions[i].act == EXPIRE) {
            begin = gev_now();
        }
    }
    settle_all();
    in_time = in_time && gev_now() - begin < 0.8 * LIMIT;
    free_objects();
    settle_all();
    for (int i = 0; i < program.n; i++) {
        gev_unref(handles[i]);
    }
    return in_time;
}

/* Entries of one expiry come in the order of libev's heap: who timed out at
   once is compared as a set. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->who != y->who ? x->who - y->who : x->op - y->op;
}

static void sort_limits(struct history *h)
{
    for (int i = 0; i < h->n;) {
        int first = i;

        while (i < h->n && h->entries[i].rc == -ETIMEDOUT) {
            i++;
        }
        qsort(&h->entries[first], (size_t)(i - first), sizeof(struct entry),
              compare_entries);
        i += i == first;
    }
}

static void print_program(unsigned s)
{
    static const char *const names[] = {
        "put",    "get",     "peek",    "task_done", "join",  "send", "recv",
        "choose", "acquire", "release", "set",       "clear", "wait"};
    static const char *const acts[] = {"spawn",    "do",    "kill",  "yield",
                                       "shutdown", "close", "expire"};

    fprintf(stderr, "seed %u: maxsize %d %d %d capacity %d %d\n", s,
            program.maxsize[0], program.maxsize[1], program.maxsize[2],
            program.capacity[0], program.capacity[1]);
    for (int i = 0; i < program.n; i++) {
        const struct action *a = &program.actions[i];

        fprintf(stderr, "%2d %s %d", i, acts[a->act], a->target);
        for (int k = 0; k < a->n_ops; k++) {
            const struct op *op = &a->ops[k];

            fprintf(stderr, "; %s %d/%d %s value %d", names[op->what],
                    op->object, op->other,
                    op->limit == TRY       ? "try"
                    : op->limit == LIMITED ? "limited"
                                           : "forever",
                    op->value);
        }
        fprintf(stderr, "\n");
    }
    for (int i = 0; i < wanted.n || i < got.n; i++) {
        const struct entry *w = &wanted.entries[i], *g = &got.entries[i];

        fprintf(stderr, "  %d.%d = %d (%d)   got %d.%d = %d (%d)%s\n", w->who,
                w->op, w->rc, w->value, g->who, g->op, g->rc, g->value,
                memcmp(w, g, sizeof *w) ? "   <--" : "");
    }
}

static unsigned setting(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void random_programs_do_as_the_model(void **state)
{
    unsigned n = setting("GEV_MODEL_SEEDS", (unsigned)proc_scale(1000));
    unsigned first = setting("GEV_MODEL_FIRST", 1);
    unsigned n_late = 0;
    size_t n_entries = 0;

    (void)state;
    for (unsigned s = first; s < first + n; s++) {
        bool in_time = false;

        draw_program(s);
        model_run(&program, &wanted);
        for (int turn = 0; turn < 5 && !in_time; turn++) {
            in_time = run_program();
        }
        n_late += !in_time;
        n_entries += (size_t)wanted.n;
        sort_limits(&wanted);
        sort_limits(&got);
        if (in_time && memcmp(&wanted, &got, sizeof got) != 0) {
            print_program(s);
            fail_msg("seed %u", s);
        }
    }
    assert_true(n_entries > n);
    assert_true(n_late <= n / 2 + 1); /* else nothing was tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_programs_do_as_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
