/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link with a delay between two network name spaces, where the kernel has no netem:
 *
 *   tunnel NAMESPACE NAMESPACE MILLISECONDS
 *
 * It makes a TUN device "link" in each of them, prints a line, and moves packets between the two,
 * each so late, until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS 4096u /* in flight in one direction */
#define PACKET_MAX 2048

struct packet {
    struct timespec due;
    size_t len;
    char bytes[PACKET_MAX];
};

struct direction {
    int from, to;
    long delay; /* ns */
    pthread_mutex_t lock;
    pthread_cond_t filled;
    size_t read, written; /* packets so far */
    struct packet *queue;
};

static int open_device(const char *name_space)
{
    struct ifreq r = {.ifr_name = "link", .ifr_flags = IFF_TUN | IFF_NO_PI};
    char path[256];

    snprintf(path, sizeof path, "/run/netns/%s", name_space);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET))
        return -1;
    close(space);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    return fd < 0 || ioctl(fd, TUNSETIFF, &r) ? -1 : fd;
}

static void read_packet(struct direction *d, struct packet *p)
{
    ssize_t n = read(d->from, p->bytes, sizeof p->bytes);

    if (n <= 0)
        exit(1);
    p->len = (size_t)n;
    clock_gettime(CLOCK_MONOTONIC, &p->due);
    p->due.tv_nsec += d->delay;
    p->due.tv_sec += p->due.tv_nsec / 1000000000;
    p->due.tv_nsec %= 1000000000;
}

static _Noreturn void *read_packets(void *data)
{
    struct direction *d = data;
    struct packet dropped;

    for (;;) {
        pthread_mutex_lock(&d->lock);
        bool full = d->read - d->written == PACKETS;
        pthread_mutex_unlock(&d->lock);
        read_packet(d, full ? &dropped : &d->queue[d->read % PACKETS]);
        if (full)
            continue;
        pthread_mutex_lock(&d->lock);
        d->read++;
        pthread_cond_signal(&d->filled);
        pthread_mutex_unlock(&d->lock);
    }
}

static _Noreturn void *write_packets(void *data)
{
    struct direction *d = data;

    for (;;) {
        pthread_mutex_lock(&d->lock);
        while (d->read == d->written)
            pthread_cond_wait(&d->filled, &d->lock);
        struct packet *p = &d->queue[d->written % PACKETS];
        pthread_mutex_unlock(&d->lock);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &p->due, NULL);
        /* A device that is not up yet takes none: that is a packet lost. */
        (void)!write(d->to, p->bytes, p->len);
        pthread_mutex_lock(&d->lock);
        d->written++;
        pthread_mutex_unlock(&d->lock);
    }
}

static int start(struct direction *d)
{
    pthread_t thread;

    d->queue = calloc(PACKETS, sizeof *d->queue);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->filled, NULL);
    return !d->queue || pthread_create(&thread, NULL, read_packets, d) ||
           pthread_create(&thread, NULL, write_packets, d);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    long delay = (long)(atof(argv[3]) * 1e6);
    int a = open_device(argv[1]), b = open_device(argv[2]);
    if (a < 0 || b < 0) {
        perror("tunnel");
        return 1;
    }
    struct direction there = {.from = a, .to = b, .delay = delay};
    struct direction back = {.from = b, .to = a, .delay = delay};
    if (start(&there) || start(&back))
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
