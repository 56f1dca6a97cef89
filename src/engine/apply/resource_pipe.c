/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/resource_pipe.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 4u

struct resource_pipe {
    struct resource_slot slot[SLOTS];
    struct hash *hash;
    struct report *report;
    resource_stream_take take;
    void *data;
    pthread_t hasher, writer;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* Number of slots that each stage has finished; guarded by lock. */
    uint64_t filled, hashed, written;
    bool ended, failed;
    struct error err;
};

/* Waits until slot number is filled; NULL if it never will be. */
static struct resource_slot *pipe_wait(struct resource_pipe *p, uint64_t number)
{
    pthread_mutex_lock(&p->lock);
    while (p->filled <= number && !p->ended)
        pthread_cond_wait(&p->moved, &p->lock);
    bool there = p->filled > number;
    pthread_mutex_unlock(&p->lock);
    return there ? &p->slot[number % SLOTS] : NULL;
}

static void pipe_move(struct resource_pipe *p, uint64_t *count)
{
    pthread_mutex_lock(&p->lock);
    ++*count;
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
}

static void *pipe_hash(void *data)
{
    struct resource_pipe *p = data;
    const struct resource_slot *slot;

    for (uint64_t number = 0; (slot = pipe_wait(p, number)); number++) {
        hash_add(p->hash, slot->data, slot->len);
        pipe_move(p, &p->hashed);
    }
    return NULL;
}

static void *pipe_write(void *data)
{
    struct resource_pipe *p = data;
    const struct resource_slot *slot;

    for (uint64_t number = 0; (slot = pipe_wait(p, number)); number++) {
        if (p->take(p->data, slot->at, slot->data, slot->len, &p->err)) {
            pthread_mutex_lock(&p->lock);
            p->failed = true;
            pthread_cond_broadcast(&p->moved);
            pthread_mutex_unlock(&p->lock);
            break;
        }
        p->report->in = slot->in;
        report_add(p->report, slot->units);
        pipe_move(p, &p->written);
    }
    return NULL;
}

static void pipe_free(struct resource_pipe *p)
{
    for (unsigned i = 0; i < SLOTS; i++)
        free(p->slot[i].data);
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void pipe_stop(struct resource_pipe *p)
{
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_broadcast(&p->moved);
    pthread_mutex_unlock(&p->lock);
}

struct resource_pipe *resource_pipe_start(struct hash *hash, struct report *report,
                                          resource_stream_take take, void *data)
{
    struct resource_pipe *p = memory_new(1, sizeof *p);

    p->hash = hash;
    p->report = report;
    p->take = take;
    p->data = data;
    for (unsigned i = 0; i < SLOTS; i++)
        p->slot[i].data = memory_new(RESOURCE_SLOT_SIZE, 1);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    if (pthread_create(&p->hasher, NULL, pipe_hash, p)) {
        pipe_free(p);
        return NULL;
    }
    if (pthread_create(&p->writer, NULL, pipe_write, p)) {
        pipe_stop(p);
        pthread_join(p->hasher, NULL);
        pipe_free(p);
        return NULL;
    }
    return p;
}

struct resource_slot *resource_pipe_slot(struct resource_pipe *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->failed && (p->filled - p->hashed == SLOTS || p->filled - p->written == SLOTS))
        pthread_cond_wait(&p->moved, &p->lock);
    struct resource_slot *slot = p->failed ? NULL : &p->slot[p->filled % SLOTS];
    pthread_mutex_unlock(&p->lock);
    if (slot)
        slot->len = 0;
    return slot;
}

void resource_pipe_pass(struct resource_pipe *p)
{
    pipe_move(p, &p->filled);
}

int resource_pipe_end(struct resource_pipe *p, struct error *err)
{
    pipe_stop(p);
    pthread_join(p->hasher, NULL);
    pthread_join(p->writer, NULL);
    bool failed = p->failed;
    if (failed)
        *err = p->err;
    pipe_free(p);
    return failed ? -1 : 0;
}
