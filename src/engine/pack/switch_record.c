/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pack/switch_record.h"

#include "base/io.h"
#include "wire/pending_version.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SWITCH_RECORD_MODE 0600
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

static void switch_record_boot_id(char *id, size_t size)
{
    struct buffer text = {0};
    struct error ignored;

    (void)io_read_file(BOOT_ID_PATH, size - 1, &text, &ignored);
    snprintf(id, size, "%.*s", (int)strcspn(buffer_text(&text), "\n"), buffer_text(&text));
    if (!*id)
        snprintf(id, size, "unknown");
    buffer_free(&text);
}

/* A damaged file cannot say which other firmware is pending: it is replaced. */
static int switch_record_pending(struct switch_record *r, struct error *err)
{
    struct pending_versions list = {0};
    struct buffer text = {0};
    char boot_id[sizeof list.item->boot_id];

    if (!access(r->pending_path, F_OK) &&
        io_read_regular_file(r->pending_path, PENDING_VERSION_MAX, &r->before, err))
        return -1;
    (void)pending_version_parse(r->before.data, r->before.len, &list);
    switch_record_boot_id(boot_id, sizeof boot_id);
    pending_version_add(&list, r->identity->version, r->identity->uuid, boot_id);
    pending_version_print(&list, &text);
    int rc = io_write_file(r->pending_path, text.data, text.len, SWITCH_RECORD_MODE, err);
    buffer_free(&text);
    return rc;
}

static int switch_record_undo(const struct switch_record *r, struct error *err)
{
    if (!r->before.len)
        return io_remove_file(r->pending_path, err);
    return io_write_file(r->pending_path, r->before.data, r->before.len, SWITCH_RECORD_MODE, err);
}

int switch_record_write(void *record, bool begins, struct error *err)
{
    struct switch_record *r = record;
    struct error ignored;

    if (!r->pending_path)
        return 0;
    if (!begins)
        return switch_record_undo(r, err);
    int rc = switch_record_pending(r, err);
    if (!rc && r->use_up_path && (rc = io_remove_file(r->use_up_path, err)))
        (void)switch_record_undo(r, &ignored);
    return rc ? error_suffix(err, "not switching: the version could not be recorded") : 0;
}

void switch_record_free(struct switch_record *r)
{
    buffer_free(&r->before);
}
