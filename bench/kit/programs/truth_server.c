/* An HTTP server that knows the truth about its own answers.
 *
 * One thread, epoll, on one core. Each request is logged in memory with the time at which the kernel
 * received it, the time at which it was read and the time at which its answer was handed to the
 * kernel, all CLOCK_MONOTONIC nanoseconds; so is each stall. The log is written on SIGTERM.
 *
 * truth_server PORT LOG [--delay-us N] [--work-us N] [--close] [--stall-ms N] [--stalls MS,MS,...]
 *
 *   --delay-us  answer so long after a request was read, however many others wait (a timer)
 *   --work-us   keep the only thread busy for so long at each request, one after the other
 *   --close     close the connection after each answer
 *   --stalls    when, in ms after the start, everything stands still for --stall-ms
 *
 * The id of a request is the number that its path begins with: GET /17 is request 17.
 * LOG is: magic, count of requests, count of stalls (int64 each), then {id, arrived, read, finished}
 * for each request and {begin, end} for each stall.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x4d50545255544831LL
#define NS 1000000000LL
#define MOST_RECORDS (4 << 20)
#define MOST_CONNECTIONS 16384
#define MOST_STALLS 1024
#define EVENTS 256
#define REQUEST_BYTES 4096

typedef struct { int64_t id, arrived, read, finished; } record;
typedef struct { int64_t begin, end; } stall;
typedef struct { uint32_t generation; int used; int64_t arrived; char bytes[REQUEST_BYTES]; } connection;
typedef struct { int64_t due; int fd; uint32_t generation; record one; } waiting;

static record *records;
static int64_t count;
static stall stalls[MOST_STALLS];
static int64_t stalled, stalls_wanted;
static connection *connections;
static waiting *queue;
static uint64_t queue_head, queue_tail;
static int poller, timer;
static int64_t delay_ns, work_ns, stall_ns;
static int closes;

static const char KEEP[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
static const char CLOSE[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
                            "Connection: close\r\n\r\nok";

static void die(const char *what) { perror(what); exit(1); }

static int64_t now_of(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * NS + at.tv_nsec;
}

static int64_t now(void) { return now_of(CLOCK_MONOTONIC); }

static void drop(int fd) {
    connections[fd].generation++;
    close(fd);
}

static void answer(int fd, record one) {
    const char *text = closes ? CLOSE : KEEP;
    size_t length = closes ? sizeof CLOSE - 1 : sizeof KEEP - 1;
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) {
        drop(fd);
        return;
    }
    one.finished = now();
    if (count < MOST_RECORDS) records[count] = one;
    count++;
    if (closes) drop(fd);
}

static void arm(void) {
    int64_t due = 0;
    if (queue_head != queue_tail) due = queue[queue_head % MOST_CONNECTIONS].due;
    if (stalled < stalls_wanted && (!due || stalls[stalled].begin < due)) due = stalls[stalled].begin;
    struct itimerspec when = {.it_value = {due / NS, due % NS}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void serve(int fd, record one) {
    if (work_ns) while (now() < one.read + work_ns) {}
    if (!delay_ns) {
        answer(fd, one);
        return;
    }
    /* The delay is the same for all, so the first to come is the first to go. */
    waiting *last = &queue[queue_tail++ % MOST_CONNECTIONS];
    *last = (waiting){one.read + delay_ns, fd, connections[fd].generation, one};
}

static void answer_due(void) {
    while (queue_head != queue_tail) {
        waiting first = queue[queue_head % MOST_CONNECTIONS];
        if (first.due > now()) break;
        queue_head++;
        if (connections[first.fd].generation == first.generation) answer(first.fd, first.one);
    }
}

static void stall_due(void) {
    while (stalled < stalls_wanted && now() >= stalls[stalled].begin) {
        stalls[stalled].begin = now();
        int64_t end = stalls[stalled].begin + stall_ns;
        struct timespec until = {end / NS, end % NS};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
        stalls[stalled++].end = now();
    }
}

/* When the kernel received what was just read: it stamps in real time, the difference is taken off. */
static int64_t arrival(struct msghdr *message, int64_t read_at) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            return read_at - (now_of(CLOCK_REALTIME) - (stamp.tv_sec * NS + stamp.tv_nsec));
        }
    }
    return read_at;
}

static void receive(int fd) {
    connection *from = &connections[fd];
    char control[256];
    struct iovec space = {from->bytes + from->used, REQUEST_BYTES - 1 - from->used};
    struct msghdr message = {.msg_iov = &space, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(fd);
        return;
    }
    int64_t read_at = now();
    if (!from->used) from->arrived = arrival(&message, read_at);
    from->used += got;
    from->bytes[from->used] = 0;
    if (!strstr(from->bytes, "\r\n\r\n")) {
        if (from->used == REQUEST_BYTES - 1) drop(fd);
        return;
    }
    char *path = strchr(from->bytes, '/');
    from->used = 0;
    serve(fd, (record){path ? strtoll(path + 1, NULL, 10) : 0, from->arrived, read_at, 0});
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MOST_CONNECTIONS) {
            close(fd);
            continue;
        }
        connections[fd].used = 0;
        connections[fd].generation++;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        receive(fd);  /* what was sent with the connection is there already */
    }
}

static void write_log(const char *path) {
    int64_t kept = count < MOST_RECORDS ? count : MOST_RECORDS;
    FILE *file = fopen(path, "wb");
    if (!file) die(path);
    int64_t head[] = {MAGIC, kept, stalled};
    fwrite(head, sizeof head, 1, file);
    fwrite(records, sizeof(record), kept, file);
    fwrite(stalls, sizeof(stall), stalled, file);
    if (fclose(file)) die(path);
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Accepted connections inherit both. */
    setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) die("listen");
    return listener;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void read_stalls(char *list, int64_t start) {
    for (char *one = strtok(list, ","); one && stalls_wanted < MOST_STALLS; one = strtok(NULL, ","))
        stalls[stalls_wanted++].begin = start + atoll(one) * 1000000;
}

static void *room(size_t bytes) {
    void *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (made == MAP_FAILED) die("mmap");
    return made;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "truth_server PORT LOG [options]\n");
        return 2;
    }
    records = room(sizeof(record) * MOST_RECORDS);
    connections = room(sizeof(connection) * MOST_CONNECTIONS);
    queue = room(sizeof(waiting) * MOST_CONNECTIONS);
    int64_t start = now();
    for (int at = 3; at < argc; at++) {
        char *value = at + 1 < argc ? argv[at + 1] : "";
        if (!strcmp(argv[at], "--close")) closes = 1;
        else if (!strcmp(argv[at], "--delay-us")) delay_ns = atoll(value) * 1000, at++;
        else if (!strcmp(argv[at], "--work-us")) work_ns = atoll(value) * 1000, at++;
        else if (!strcmp(argv[at], "--stall-ms")) stall_ns = atoll(value) * 1000000, at++;
        else if (!strcmp(argv[at], "--stalls")) read_stalls(value, start), at++;
        else return fprintf(stderr, "unknown option %s\n", argv[at]), 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int ended = signalfd(-1, &ends, SFD_CLOEXEC);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int listener = listen_on(atoi(argv[1]));
    watch(listener), watch(timer), watch(ended);

    struct epoll_event events[EVENTS];
    for (;;) {
        arm();
        int ready = epoll_wait(poller, events, EVENTS, -1);
        stall_due();
        for (int at = 0; at < ready; at++) {
            int fd = events[at].data.fd;
            if (fd == ended) return write_log(argv[2]), 0;
            if (fd == listener) accept_all(listener);
            else if (fd != timer) receive(fd);
            if (delay_ns) answer_due();
        }
        if (delay_ns) answer_due();
    }
}
