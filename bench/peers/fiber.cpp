// SPDX-License-Identifier: MIT
/*
 * fiber - what bench/switch.c, channel.c and wake.c do, with Boost.Fiber:
 * Boost.Context with a scheduler, channels, locks and joins.
 *
 *   yield N    N fibers call this_fiber::yield(), 64 live bytes each
 *   pair N     a buffered_channel of N slots (0: unbuffered), one sends, one
 *              receives
 *   many N     unbuffered_channel, N send and N receive
 *   queue 0    push and pop by one fiber; queue N as pair N
 *   spawn N    start N fibers, join them all
 *   event N    N wait for a condition_variable, notify_all
 *   semaphore  a unit back and forth between two, as channels
 *   lock       a mutex, locked and unlocked
 *
 * Stacks are pooled, 16 KiB (8 overflow now and then); the scheduler is the default one, round robin.
 */
#include <boost/fiber/all.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" {
#include "proc.h"
}
#include "rounds.h"

namespace fibers = boost::fibers;
using buffered = fibers::buffered_channel<std::uint64_t>;
using unbuffered = fibers::unbuffered_channel<std::uint64_t>;

namespace
{

constexpr std::size_t stack_size = 16384;

rounds result;
std::size_t per_rep = 400000;  // operations per repetition, sync modes
bool wrong;                    // a sum was not what it must be
bool stop;                     // tells yielding fibers to end

template <typename Fn> fibers::fiber start(Fn fn)
{
    static fibers::pooled_fixedsize_stack stacks(stack_size);

    return fibers::fiber(fibers::launch::post, std::allocator_arg, stacks,
                         std::move(fn));
}

void check(std::uint64_t got, std::uint64_t expected)
{
    wrong = wrong || got != expected;
}

std::uint64_t sum_to(std::uint64_t n)
{
    return n * (n + 1) / 2;
}

void yield_for_ever(std::uint64_t id)
{
    volatile std::uint64_t frame[FRAME_WORDS];

    frame_fill(frame, id);
    while (!stop) {
        boost::this_fiber::yield();
        frame_check(frame, id);
    }
}

// main waits its turn as they do, so one yield of its is one of each.
void run_yield()
{
    result.rss_empty = proc_rss(0);
    for (std::size_t i = 0; i < result.n; i++) {
        start([i] { yield_for_ever(i); }).detach();
    }
    boost::this_fiber::yield();
    result.rss_parked = proc_rss(0);
    std::uint64_t begin = clock_ns();
    boost::this_fiber::yield();
    result.wake_ms = static_cast<double>(clock_ns() - begin) / 1e6;
    for (std::size_t rep = 0; rep < result.reps; rep++) {
        begin = clock_ns();
        for (std::size_t k = 0; k < result.per_rep; k++) {
            boost::this_fiber::yield();
        }
        rounds_rep(&result, rep, begin);
    }
    _exit(rounds_print(&result, "yield"));
}

template <typename Channel> void pairs(Channel &channel, std::size_t n)
{
    std::size_t share = per_rep / n;
    std::uint64_t sum = 0;
    std::vector<fibers::fiber> all;

    for (std::size_t i = 0; i < n; i++) {
        all.push_back(start([&] {
            for (std::uint64_t k = 1; k <= share; k++) {
                channel.push(k);
            }
        }));
        all.push_back(start([&] {
            std::uint64_t value = 0;
            for (std::size_t k = 0; k < share; k++) {
                channel.pop(value);
                sum += value;
            }
        }));
    }
    for (auto &f : all) {
        f.join();
    }
    check(sum, n * sum_to(share));
}

void pair(std::size_t n)
{
    if (n == 0) {
        unbuffered channel;
        pairs(channel, 1);
    } else {
        buffered channel(n);
        pairs(channel, 1);
    }
}

void many(std::size_t n)
{
    unbuffered channel;

    pairs(channel, n);
}

void alone()
{
    buffered channel(16);
    std::uint64_t sum = 0, value = 0;

    for (std::uint64_t k = 1; k <= per_rep; k++) {
        channel.push(k);
        channel.pop(value);
        sum += value;
    }
    check(sum, sum_to(per_rep));
}

void queue(std::size_t n)
{
    if (n == 0) {
        alone();
    } else {
        pair(n);
    }
}

void spawn(std::size_t n)
{
    std::size_t count = 0;
    std::vector<fibers::fiber> batch(n);

    for (std::size_t i = 0; i < per_rep / n; i++) {
        for (auto &f : batch) {
            f = start([&count] { count++; });
        }
        for (auto &f : batch) {
            f.join();
        }
    }
    check(count, per_rep / n * n);
}

void event(std::size_t n)
{
    fibers::mutex mutex;
    fibers::condition_variable changed;
    std::size_t woken = 0, n_rounds = per_rep / n;
    bool end = false;
    std::vector<fibers::fiber> all;

    for (std::size_t i = 0; i < n; i++) {
        all.push_back(start([&] {
            std::unique_lock<fibers::mutex> lock(mutex);
            while (changed.wait(lock), !end) {
                woken++;
            }
        }));
    }
    boost::this_fiber::yield(); // all wait now
    for (std::size_t i = 1; i <= n_rounds; i++) {
        changed.notify_all();
        while (woken < i * n) {
            boost::this_fiber::yield();
        }
    }
    end = true;
    changed.notify_all();
    for (auto &f : all) {
        f.join();
    }
    check(woken, n_rounds * n);
}

void semaphore(std::size_t)
{
    buffered there(2), back(2);
    std::uint64_t unit = 1;
    fibers::fiber other = start([&] {
        std::uint64_t u = 0;
        while (there.pop(u) == fibers::channel_op_status::success) {
            back.push(u);
        }
    });

    for (std::size_t i = 0; i < per_rep / 2; i++) {
        there.push(unit);
        back.pop(unit);
    }
    there.close();
    other.join();
}

void lock(std::size_t)
{
    fibers::mutex mutex;

    for (std::size_t i = 0; i < per_rep; i++) {
        mutex.lock();
        mutex.unlock();
    }
}

struct mode {
    const char *name;
    void (*run)(std::size_t n);
};

constexpr mode modes[] = {{"pair", pair},   {"many", many},
                          {"queue", queue}, {"spawn", spawn},
                          {"event", event}, {"semaphore", semaphore},
                          {"lock", lock}};

int run_sync(const mode &m, std::size_t n)
{
    result.n = 1;
    result.per_rep = per_rep;
    result.reps = ROUNDS_REPS;
    for (std::size_t rep = 0; rep < result.reps; rep++) {
        std::uint64_t begin = clock_ns();
        m.run(n);
        rounds_rep(&result, rep, begin);
    }
    frames_bad = wrong;
    return rounds_print(&result, m.name);
}

} // namespace

int main(int argc, char **argv)
{
    bool quick = argc > 1 && std::strcmp(argv[argc - 1], "--quick") == 0;
    std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
    std::string name = argc > 1 ? argv[1] : "";

    per_rep = quick ? 100000 : per_rep;
    if (name == "yield" && n > 0) {
        rounds_init(&result, n, quick);
        run_yield();
    }
    for (const mode &m : modes) {
        if (name == m.name) {
            return run_sync(m, n);
        }
    }
    std::fprintf(stderr, "usage: fiber MODE N [--quick]\n");
    return 2;
}
