/* A service that does the same work for each request: TURNS turns of it. For a container.
 *
 * One request at a time, one connection for each. `burner calibrate` prints turns per millisecond.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORDS (1 << 15)

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 2\r\nConnection: close\r\n\r\n{}";
static volatile uint64_t table[WORDS];

static void work(long turns) {
    uint64_t state = 1;
    while (turns--) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        table[state >> 49] += state;
    }
}

static int64_t cpu_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int whole(const char *text) {
    const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
    return body && (!length || length > body || strlen(body + 4) >= (size_t)atol(length + 15));
}

static void serve(int client, long turns) {
    static char request[8192];
    size_t used = 0;
    ssize_t got;
    while ((got = read(client, request + used, sizeof request - 1 - used)) > 0) {
        used += got;
        request[used] = 0;
        if (!whole(request)) continue;
        work(turns);
        if (write(client, ANSWER, sizeof ANSWER - 1) < 0) perror("write");
        break;
    }
    close(client);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "calibrate")) {
        long turns = 50000000;
        int64_t began = cpu_now();
        work(turns);
        return printf("%.0f\n", turns / ((cpu_now() - began) / 1e6)), 0;
    }
    long turns = getenv("TURNS") ? atol(getenv("TURNS")) : 0;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) {
        perror("listen");
        return 1;
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) serve(client, turns);
    }
}
