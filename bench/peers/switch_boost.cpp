// SPDX-License-Identifier: MIT
/*
 * switch_boost - the same as switch.c with Boost.Context's fibers.
 *
 *   core N [SIZE]  main resumes each of N fibers, each resumes main with SIZE
 *                  live bytes, 64 if not given
 *   spawn N        make N fibers, run them to their end, free them, N at a time
 *
 * The baseline: the fastest common switch, with a private stack per context.
 * The stacks are 8 KiB each (more for larger frames) out of one mapping with a free list, which is the
 * best one can do for it: no system call per fiber, and a million guard pages
 * would not fit vm.max_map_count anyway. (boost::context::fiber and the bare
 * jump_fcontext() below it cost the same within 1 %: measured.)
 */
#include <boost/context/fiber.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

extern "C" {
#include "proc.h"
}
#include "rounds.h"

namespace ctx = boost::context;

namespace
{

std::size_t stack_size = 8192;
std::size_t frame_size = 8 * FRAME_WORDS;

// One mapping, cut into stacks; freed ones are used again, the last one first.
class stack_pool
{
  public:
    explicit stack_pool(std::size_t n)
    {
        void *p = mmap(nullptr, n * stack_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            std::perror("switch_boost: mmap");
            std::exit(1);
        }
        next_ = static_cast<char *>(p);
        free_.reserve(n);
    }

    char *take()
    {
        if (free_.empty()) {
            next_ += stack_size;
            return next_;
        }
        char *top = free_.back();
        free_.pop_back();
        return top;
    }

    void give(char *top)
    {
        free_.push_back(top);
    }

  private:
    char *next_;               // top of the stack taken last, never used before
    std::vector<char *> free_; // tops of those given back
};

// What Boost calls a StackAllocator.
struct pooled_stack {
    stack_pool *pool;

    ctx::stack_context allocate()
    {
        ctx::stack_context s;
        s.size = stack_size;
        s.sp = pool->take();
        return s;
    }

    void deallocate(ctx::stack_context &s)
    {
        pool->give(static_cast<char *>(s.sp));
    }
};

rounds result;

ctx::fiber resume_home(std::uint64_t id, ctx::fiber &&home)
{
    auto *frame =
        static_cast<volatile std::uint64_t *>(__builtin_alloca(frame_size));

    frame_fill(frame, id);
    for (;;) {
        home = std::move(home).resume();
        frame_check(frame, id);
    }
}

void core_round(ctx::fiber *fibers, std::size_t n)
{
    for (std::size_t i = 0; i < n; i++) {
        fibers[i] = std::move(fibers[i]).resume();
    }
}

void run_core()
{
    stack_pool pool(result.n);
    auto *fibers =
        static_cast<ctx::fiber *>(rounds_array(result.n, sizeof(ctx::fiber)));

    result.rss_empty = proc_rss(0);
    for (std::size_t i = 0; i < result.n; i++) {
        new (&fibers[i]) ctx::fiber(
            std::allocator_arg, pooled_stack{&pool},
            [i](ctx::fiber &&home) { return resume_home(i, std::move(home)); });
        fibers[i] = std::move(fibers[i]).resume();
    }
    result.rss_parked = proc_rss(0);
    std::uint64_t start = clock_ns();
    core_round(fibers, result.n);
    result.wake_ms = static_cast<double>(clock_ns() - start) / 1e6;
    for (std::size_t rep = 0; rep < result.reps; rep++) {
        start = clock_ns();
        for (std::size_t k = 0; k < result.per_rep; k++) {
            core_round(fibers, result.n);
        }
        rounds_rep(&result, rep, start);
    }
    _exit(rounds_print(&result, "core"));
}

void spawn_batch(stack_pool &pool, std::vector<ctx::fiber> &batch)
{
    for (std::size_t i = 0; i < result.n; i++) {
        batch.emplace_back(std::allocator_arg, pooled_stack{&pool},
                           [](ctx::fiber &&home) { return std::move(home); });
    }
    for (auto &f : batch) {
        std::move(f).resume();
    }
    batch.clear();
}

void run_spawn()
{
    stack_pool pool(result.n);
    std::vector<ctx::fiber> batch;

    batch.reserve(result.n);
    result.rss_empty = proc_rss(0);
    for (std::size_t rep = 0; rep < result.reps; rep++) {
        std::uint64_t start = clock_ns();
        for (std::size_t k = 0; k < result.per_rep; k++) {
            spawn_batch(pool, batch);
        }
        rounds_rep(&result, rep, start);
    }
    result.rss_parked = proc_rss(0);
    _exit(rounds_print(&result, "spawn"));
}

} // namespace

int main(int argc, char **argv)
{
    bool quick = argc > 1 && std::strcmp(argv[argc - 1], "--quick") == 0;
    std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;

    if (n > 0) {
        rounds_init(&result, n, quick);
        if (argc > 3) {
            frame_size = std::max<std::size_t>(std::strtoul(argv[3], nullptr, 10),
                                               8 * FRAME_WORDS);
            stack_size = (frame_size + 8191) / 4096 * 4096;
        }
        rounds_frame(&result, frame_size);
        if (std::strcmp(argv[1], "core") == 0) {
            run_core();
        } else if (std::strcmp(argv[1], "spawn") == 0) {
            run_spawn();
        }
    }
    std::fprintf(stderr, "usage: switch_boost core|spawn N [SIZE] [--quick]\n");
    return 2;
}
