/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fwpack is compared with: the same work by ordinary libraries, one part after another.
 *   parts apply DEFLATED OUTPUT    inflate (zlib), CRC-32 (zlib), BLAKE2b (libsodium), pwrite
 *   parts create INPUT OUTPUT      BLAKE2b, CRC-32, deflate (zlib -9), write
 *   parts measure COMMAND...       runs it and prints seconds, CPU seconds and peak memory (kB) to
 *                                  descriptor 2; from a small process, so that the memory is its
 * own
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE (128u * 1024)

static unsigned char in[PIECE], out[PIECE];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int apply(int from, int to)
{
    crypto_generichash_state hash;
    unsigned char digest[32];
    uLong crc = crc32(0, NULL, 0);
    z_stream z = {0};
    off_t at = 0;
    int rc = Z_OK;

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    inflateInit2(&z, -MAX_WBITS);
    while (rc != Z_STREAM_END) {
        if (z.avail_in == 0) {
            ssize_t n = read(from, in, sizeof in);
            if (n <= 0)
                die("read");
            z.next_in = in;
            z.avail_in = (uInt)n;
        }
        z.next_out = out;
        z.avail_out = sizeof out;
        rc = inflate(&z, Z_NO_FLUSH);
        size_t n = sizeof out - z.avail_out;
        crc = crc32(crc, out, (uInt)n);
        crypto_generichash_update(&hash, out, n);
        if (pwrite(to, out, n, at) != (ssize_t)n)
            die("pwrite");
        at += (off_t)n;
    }
    crypto_generichash_final(&hash, digest, sizeof digest);
    return crc == 1;
}

static int create(int from, int to)
{
    crypto_generichash_state hash;
    unsigned char digest[32];
    uLong crc = crc32(0, NULL, 0);
    z_stream z = {0};
    ssize_t n;

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    do {
        n = read(from, in, sizeof in);
        if (n < 0)
            die("read");
        crc = crc32(crc, in, (uInt)n);
        crypto_generichash_update(&hash, in, (size_t)n);
        z.next_in = in;
        z.avail_in = (uInt)n;
        do {
            z.next_out = out;
            z.avail_out = sizeof out;
            deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
            size_t made = sizeof out - z.avail_out;
            if (write(to, out, made) != (ssize_t)made)
                die("write");
        } while (z.avail_out == 0);
    } while (n);
    crypto_generichash_final(&hash, digest, sizeof digest);
    return crc == 1;
}

static int measure(char **argv)
{
    struct timespec start, end;
    struct rusage usage;
    int status;

    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(*argv, argv);
        die(*argv);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        die("wait4");
    clock_gettime(CLOCK_MONOTONIC, &end);
    fprintf(stderr, "%.6f %.6f %ld\n",
            (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
            usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "measure"))
        return measure(argv + 2);
    if (argc != 4 || sodium_init() < 0)
        return 2;
    int from = open(argv[2], O_RDONLY), to = open(argv[3], O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (from < 0 || to < 0)
        die("open");
    return strcmp(argv[1], "apply") ? create(from, to) : apply(from, to);
}
