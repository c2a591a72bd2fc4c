/* Takes memory as PLAN says, and writes down when it held how much. For a container.
 *
 * PLAN=spike  SIZE_MIB at once, held for HOLD_MS, given back
 * PLAN=ramp   SIZE_MIB in steps of STEP_KIB every STEP_MS, held, given back
 * PLAN=idle   nothing; CHILDREN further processes do nothing either
 *
 * /cache is read first where CACHE=1, so that its pages count as the container's. Then it says
 * "ready" and waits WAIT_MS. It says "held <begin> <end> <bytes>" for each step: CLOCK_MONOTONIC
 * nanoseconds before and after its pages were touched, and all that it holds afterwards;
 * "freed <begin>"; "done". Then it waits to be killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MOST_STEPS 4096

static struct { int64_t begin, end, bytes; } steps[MOST_STEPS];
static int taken;

static int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void wait_until(int64_t at) {
    struct timespec when = {at / 1000000000LL, at % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL)) {}
}

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void read_cache(void) {
    static char buffer[1 << 20];
    int file = open("/cache", O_RDONLY);
    if (file < 0) {
        perror("/cache");
        exit(1);
    }
    /* Pages that another container read first would count as that one's. */
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    while (read(file, buffer, sizeof buffer) > 0) {}
    close(file);
}

static void take(char *from, int64_t bytes, int64_t held) {
    int64_t begin = now();
    for (int64_t at = 0; at < bytes; at += PAGE) from[at] = 1;
    steps[taken].begin = begin;
    steps[taken].end = now();
    steps[taken++].bytes = held;
}

int main(void) {
    int64_t size = number("SIZE_MIB", 200) << 20, step = size;
    int64_t hold = number("HOLD_MS", 50) * 1000000, pace = 0;
    const char *plan = getenv("PLAN");
    if (!plan) plan = "idle";
    for (long child = number("CHILDREN", 0); child > 0; child--)
        if (fork() == 0) for (;;) pause();
    if (number("CACHE", 0)) read_cache();
    char *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(room, size, MADV_NOHUGEPAGE);
    printf("ready\n");
    fflush(stdout);
    wait_until(now() + number("WAIT_MS", 1500) * 1000000);
    if (!strcmp(plan, "ramp")) {
        step = number("STEP_KIB", 2048) << 10;
        pace = number("STEP_MS", 10) * 1000000;
    }
    if (strcmp(plan, "idle")) {
        int64_t next = now();
        for (int64_t held = 0; held < size; held += step, next += pace) {
            wait_until(next);
            take(room + held, step, held + step);
        }
        wait_until(now() + hold);
        int64_t freed = now();
        munmap(room, size);
        for (int at = 0; at < taken; at++)
            printf("held %lld %lld %lld\n", (long long)steps[at].begin, (long long)steps[at].end,
                   (long long)steps[at].bytes);
        printf("freed %lld\n", (long long)freed);
    }
    printf("done\n");
    fflush(stdout);
    for (;;) pause();
}
