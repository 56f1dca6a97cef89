/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in for the updater: it throws its input away.
 *
 *   sink LOG FREE RATE [fwup's options]
 *
 * Reads as fast as it can up to FREE bytes, then at most RATE bytes a second (0: no limit). At the
 * end it appends "BYTES CPU-SECONDS" to LOG, so that its own time can be taken off the servers'.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PIECE (1u << 20)

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_for(double wait)
{
    struct timespec t = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};

    if (wait > 0)
        nanosleep(&t, NULL);
}

static unsigned long long discard(unsigned long long unlimited, double rate)
{
    char *piece = malloc(PIECE);
    unsigned long long total = 0;
    double slow_since = 0;
    ssize_t n;

    while (piece && (n = read(STDIN_FILENO, piece, rate > 0 ? PIECE / 16 : PIECE)) > 0) {
        total += (unsigned long long)n;
        if (rate <= 0 || total <= unlimited)
            continue;
        if (slow_since == 0)
            slow_since = now();
        pause_for(slow_since + (double)(total - unlimited) / rate - now());
    }
    free(piece);
    return total;
}

static void note(const char *path, unsigned long long bytes)
{
    struct rusage used;
    char line[64];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

    getrusage(RUSAGE_SELF, &used);
    int len = snprintf(line, sizeof line, "%llu %.6f\n", bytes,
                       seconds(used.ru_utime) + seconds(used.ru_stime));
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        fputs("sink: cannot write its log\n", stderr);
}

int main(int argc, char **argv)
{
    unsigned long long bytes = 0;

    if (argc < 4)
        return 2;
    if (argc > 4 && !strcmp(argv[4], "--version"))
        puts("1.16.0");
    else
        bytes = discard(strtoull(argv[2], NULL, 10), strtod(argv[3], NULL));
    note(argv[1], bytes);
    return 0;
}
