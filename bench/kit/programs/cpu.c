/* Burns CPU in PROCESSES processes of THREADS threads, CPU_MS each, AT_ONCE of them at a time.
 *
 * Each process reads its own CPU clock as the last thing it does, and the kernel tells its clock at
 * its end, which has the ending in it (getrusage). Both sums, with what this one used meanwhile, are
 * written as "used <begin> <end> <read> <ended>": CLOCK_MONOTONIC nanoseconds between which it was
 * used, and CPU nanoseconds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long share_ns;

static int64_t read_clock(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

/* In user mode and, by a system call now and then, in the kernel's. */
static void *burn(void *unused) {
    volatile uint64_t state = 1;
    while (read_clock(CLOCK_THREAD_CPUTIME_ID) < share_ns) {
        for (int turn = 0; turn < 20000; turn++) state = state * 6364136223846793005ULL + 1;
        getppid();
    }
    return unused;
}

static void be_child(int pipe, long threads) {
    pthread_t others[64];
    for (long at = 1; at < threads; at++) pthread_create(&others[at], NULL, burn, NULL);
    burn(NULL);
    for (long at = 1; at < threads; at++) pthread_join(others[at], NULL);
    int64_t used = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    if (write(pipe, &used, sizeof used) != sizeof used) _exit(1);
    _exit(0);
}

int main(void) {
    long processes = number("PROCESSES", 1), threads = number("THREADS", 1);
    long at_once = number("AT_ONCE", processes), running = 0;
    share_ns = number("CPU_MS", 1000) * 1000000;
    struct timespec quiet = {1, 0};
    int ends[2];
    if (pipe(ends) || threads > 64) return 1;
    nanosleep(&quiet, NULL);
    int64_t begin = read_clock(CLOCK_MONOTONIC), own = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    int64_t sum = 0, one;
    for (long at = 0; at < processes; at++) {
        if (running == at_once) wait(NULL), running--;
        if (fork() == 0) be_child(ends[1], threads);
        running++;
    }
    while (running--) wait(NULL);
    own = read_clock(CLOCK_PROCESS_CPUTIME_ID) - own;
    int64_t end = read_clock(CLOCK_MONOTONIC);
    for (long at = 0; at < processes; at++) {
        if (read(ends[0], &one, sizeof one) != sizeof one) return 1;
        sum += one;
    }
    nanosleep(&quiet, NULL);
    struct rusage ended;
    getrusage(RUSAGE_CHILDREN, &ended);
    int64_t at_end = (ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) * 1000000000LL
                     + (ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) * 1000LL;
    printf("used %lld %lld %lld %lld\n", (long long)begin, (long long)end, (long long)(sum + own),
           (long long)(at_end + own));
    printf("done\n");
    fflush(stdout);
    for (;;) pause();
}
