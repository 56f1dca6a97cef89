/* SPDX-License-Identifier: Apache-2.0 */
#include "device/monitor/brief.h"

#include "base/bytes.h"
#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BRIEF_HEADER 8 /* LE32 key, LE32 length */

void brief_add(struct buffer *b, enum brief_key key, const void *data, size_t len)
{
    uint8_t header[BRIEF_HEADER];

    bytes_put_le32(header, key);
    bytes_put_le32(header + 4, (uint32_t)len);
    buffer_add(b, header, sizeof header);
    buffer_add(b, data, len);
}

void brief_add_text(struct buffer *b, enum brief_key key, const char *text)
{
    brief_add(b, key, text, strlen(text));
}

void brief_add_number(struct buffer *b, enum brief_key key, int number)
{
    char text[16];

    snprintf(text, sizeof text, "%d", number);
    brief_add_text(b, key, text);
}

int brief_next(const struct buffer *b, size_t *at, struct brief_item *item, struct error *err)
{
    if (*at == b->len)
        return 0;
    if (b->len - *at < BRIEF_HEADER)
        return error_set(err, EXIT_FAILED, "the session's brief is truncated");
    const uint8_t *p = (const uint8_t *)b->data + *at;
    item->key = (enum brief_key)bytes_le32(p);
    item->len = bytes_le32(p + 4);
    if (item->len > b->len - *at - BRIEF_HEADER)
        return error_set(err, EXIT_FAILED, "the session's brief is truncated");
    item->data = b->data + *at + BRIEF_HEADER;
    *at += BRIEF_HEADER + item->len;
    return 1;
}

int brief_to_fd(const struct buffer *b, struct error *err)
{
    int fd = memfd_create("fwssh-brief", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return error_errno(err, "cannot create a memory file");
    if (io_write_all(fd, b->data, b->len) || lseek(fd, 0, SEEK_SET) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
        error_errno(err, "cannot write a memory file");
        close(fd);
        return -1;
    }
    return fd;
}
