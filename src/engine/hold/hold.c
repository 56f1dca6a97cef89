/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold.h"

#include "base/io.h"
#include "engine/chunks/chunk_index.h"
#include "engine/hold/hold_jail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

void hold_close(struct hold *h)
{
    hold_sources_close(&h->sources);
    io_close(&h->sources.device);
    for (size_t i = 0; i < h->given; i++)
        io_close(&h->given_fd[i]);
    chunk_index_free(h->index);
    hold_pieces_free(&h->stream);
    for (size_t i = 0; i < HOLD_BASES_MAX; i++)
        hold_pieces_free(&h->base[i]);
    free(h->group);
    free(h->start);
    hold_link_close(&h->link);
}

static int hold_open(struct hold *h, const struct hold_options *options, struct error *err)
{
    *h = (struct hold){.options = options, .index = chunk_index_new()};
    hold_link_open(&h->link, options->idle_timeout);
    h->sources.device = open(options->device, O_RDONLY | O_CLOEXEC);
    if (h->sources.device < 0)
        return error_errno(err, "cannot read %s", options->device);
    for (size_t i = 0; i < options->sources; i++) {
        int fd = open(options->source[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0) /* what is not there is not held */
            h->given_fd[h->given++] = fd;
    }
    return hold_jail_enter(options->uid, err);
}

int hold_converse(struct hold *h, struct error *err)
{
    struct hold_word wish;

    if (hold_answer(h, &wish, err))
        return -1;
    hold_link_say(&h->link, &wish);
    if (wish.kind != HOLD_GO)
        return 0;
    chunk_index_free(h->index);
    h->index = NULL;
    h->link.exact = false;
    if (hold_assemble(h, err))
        return -1;
    io_close(&h->link.feed);
    return 0;
}

void hold_refuse(const struct error *why)
{
    struct hold_link link = {.word = HOLD_FD_WORD};
    struct hold_word word = {.kind = HOLD_FAILED, .error = *why};
    struct stat st;

    word.error.status = EXIT_FAILED; /* not the client's mistake */
    if (!fstat(HOLD_FD_WORD, &st) && S_ISFIFO(st.st_mode))
        hold_link_say(&link, &word);
}

int hold_run(const struct hold_options *options)
{
    struct hold_word word = {.kind = HOLD_FAILED};
    struct hold h;

    int rc = hold_open(&h, options, &word.error) || hold_converse(&h, &word.error) ? -1 : 0;
    if (rc) {
        hold_link_say(&h.link, &word); /* before the stream ends: it is the reason */
        io_close(&h.link.feed);
    }
    hold_link_finish(&h.link);
    hold_close(&h);
    return rc ? (int)word.error.status : EXIT_DONE;
}
